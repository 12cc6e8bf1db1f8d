"""Stores filled as the pipeline fills them, with two hours of the simulated market up to now."""

import time
from datetime import UTC, datetime

import psycopg
import pytest
from influxdb_client import InfluxDBClient

from include.dashboards.files import dashboards
from include.influxdb import lines
from include.influxdb.writer import InfluxDB
from include.kpis.fold import Fold
from include.kpis.records import MINUTE_MS, Level, Tick, Trades
from tests.dashboards import rendering
from tests.kpis import simulated

SYMBOLS = ("BTC/USDT", "ETH/USDT")
MINUTES = 120
TICK_MS = 10_000


def market_events(symbol, now_ms):
    """Return what the producer tells of *symbol* until *now_ms*, in its order."""
    history, listed = simulated.market(symbol)
    start_ms = now_ms - now_ms % MINUTE_MS - MINUTES * MINUTE_MS
    candles = {c.open_ts_ms: c for c in simulated.candles(history, listed, start_ms, MINUTES)}
    for at_ms in range(start_ms, now_ms, TICK_MS):
        until_ms = min(at_ms + TICK_MS, now_ms)
        if page := simulated.trades(history, listed, at_ms, until_ms):
            yield Trades("binance", symbol, until_ms, tuple(page))
        if (candle := candles.get(until_ms - MINUTE_MS)) is not None:
            yield candle
        close = candles[min(at_ms - at_ms % MINUTE_MS, max(candles))].close
        yield tick(symbol, until_ms - 1, close)


def tick(symbol, ts_ms, close):
    bids, asks = (Level(close * 0.9999, 2.0),), (Level(close * 1.0001, 1.0),)
    prices = (close * 0.99, close * 1.02, close * 0.98, close)
    return Tick("binance", symbol, ts_ms, ts_ms + 40, *prices, 1_000.0, 1_000.0 * close, bids, asks)


class Stores:
    """The stores of a test as Grafana sees them: with a token that reads, as market_reader."""

    def __init__(self, settings, token, postgres):
        self._settings = settings
        self._postgres = postgres
        self._influxdb = InfluxDBClient(
            url=settings.influx_url, org=settings.influx_org, token=token, timeout=20_000
        )

    def run(self, query, **variables):
        """Return the rows of a panel's query, each a dict of its columns."""
        if query["datasource"]["type"] == "postgres":
            cursor = self._postgres.execute(rendering.sql(query["rawSql"], **variables).encode())
            names = [column.name for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor]
        text = rendering.flux(query["query"], self._settings.influx_bucket, **variables)
        tables = self._influxdb.query_api().query(text)
        return [record.values for table in tables for record in table.records]

    def write(self, events):
        """Put what the fold makes of *events* into InfluxDB."""
        fold = Fold()
        points = [point for event in events for point in fold.update(event)]
        writer = InfluxDB(self._settings)
        writer.write(lines.encode(points))
        writer.close()
        return points

    def close(self):
        self._influxdb.close()


@pytest.fixture
def stores(servers, settings, influx_reader_token_file):
    """The empty stores of one pipeline."""
    passfile = str(servers.layout.pgpass("market_reader"))
    address = {"host": settings.postgres_host, "port": settings.postgres_port}
    with psycopg.connect(
        **address,
        dbname=settings.postgres_database,
        user="market_reader",
        passfile=passfile,
        autocommit=True,
    ) as connection:
        found = Stores(settings, influx_reader_token_file.read_text().strip(), connection)
        yield found
        found.close()


@pytest.fixture
def filled(stores):
    """The stores with two hours of two symbols, until now."""
    now_ms = int(time.time() * 1000)
    for symbol in SYMBOLS:
        stores.write(market_events(symbol, now_ms))
    return stores


def panels():
    """Return all panels, each with its dashboard's uid and its title as a test's id."""
    return [
        pytest.param(panel, id=f"{board['uid']}: {panel['title']}")
        for board in dashboards()
        for panel in board["panels"]
    ]


def utc(ts_ms):
    return datetime.fromtimestamp(ts_ms / 1000, tz=UTC)
