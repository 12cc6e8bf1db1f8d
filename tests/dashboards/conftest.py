"""Stores filled as the pipeline fills them, with two hours of the simulated market up to now."""

import os
import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime

import psycopg
import pytest
from influxdb_client import InfluxDBClient

from include.dashboards.files import dashboards
from include.history.indicators import recompute_stale
from include.influxdb import lines
from include.influxdb.writer import InfluxDB
from include.kpis.engine import KpiEngine
from include.kpis.records import MINUTE_MS, Candle, Level, MarketSnapshot, Trades
from include.quality import checks
from include.quality.proof import prove_due
from include.quality.stores import count_stores
from include.streaming.health.definitions import BOTH, METRICS, Kind
from include.streaming.health.health import Health
from include.streaming.health.snapshots import Camera, as_lines
from include.warehouse.connection import connect
from include.warehouse.drain import drain
from include.warehouse.rows import trade_rows
from include.warehouse.tables import TRADES, ensure_trade_partitions
from local.airflow_config import metadata_database
from local.provision.postgres import AIRFLOW, show_runs, superuser
from tests.dashboards import rendering
from tests.history.market import store
from tests.kpis import simulated

SYMBOLS = ("BTC/USDT", "ETH/USDT")
MINUTES = 120
SNAPSHOT_MS = 10_000


def market_events(symbol, now_ms):
    """Return what the producer tells of *symbol* until *now_ms*, in its order."""
    history, listed = simulated.market(symbol)
    start_ms = now_ms - now_ms % MINUTE_MS - MINUTES * MINUTE_MS
    candles = {c.open_ts_ms: c for c in simulated.candles(history, listed, start_ms, MINUTES)}
    for at_ms in range(start_ms, now_ms, SNAPSHOT_MS):
        until_ms = min(at_ms + SNAPSHOT_MS, now_ms)
        if page := simulated.trades(history, listed, at_ms, until_ms):
            yield Trades("binance", symbol, until_ms, tuple(page))
        if (candle := candles.get(until_ms - MINUTE_MS)) is not None:
            yield candle
        close = candles[min(at_ms - at_ms % MINUTE_MS, max(candles))].close
        yield snapshot(symbol, until_ms - 1, close)


def snapshot(symbol, ts_ms, close):
    bids, asks = (Level(close * 0.9999, 2.0),), (Level(close * 1.0001, 1.0),)
    prices = (close * 0.99, close * 1.02, close * 0.98, close)
    return MarketSnapshot(
        "binance", symbol, ts_ms, ts_ms + 40, *prices, 1_000.0, 1_000.0 * close, bids, asks
    )


class Stores:
    """The stores of a test as Grafana sees them: with a token that reads, as market_reader."""

    def __init__(self, settings, token, databases):
        self._settings = settings
        self._databases = databases
        self._influxdb = InfluxDBClient(
            url=settings.influx_url, org=settings.influx_org, token=token, timeout=20_000
        )

    def run(self, query, **variables):
        """Return the rows of a panel's query, each a dict of its columns."""
        if query["datasource"]["type"] == "postgres":
            database = self._databases[query["datasource"]["uid"]]
            cursor = database.execute(rendering.sql(query["rawSql"], **variables).encode())
            names = [column.name for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor]
        text = rendering.flux(query["query"], self._settings.influx_bucket, **variables)
        tables = self._influxdb.query_api().query(text)
        return [record.values for table in tables for record in table.records]

    def write(self, events):
        """Put what the fold makes of *events* into InfluxDB."""
        fold = KpiEngine()
        points = [point for event in events for point in fold.update(event)]
        writer = InfluxDB(self._settings)
        writer.write(lines.encode(points))
        writer.close()
        return points

    def write_health(self):
        """Put a snapshot of each service, every metric counted once, into InfluxDB."""
        for service in BOTH:
            self.write_snapshot(Camera(_busy(service)).take())

    def write_snapshot(self, snapshot):
        writer = InfluxDB(self._settings)
        writer.write(as_lines(snapshot))
        writer.close()

    def close(self):
        self._influxdb.close()


@pytest.fixture
def stores(servers, settings, influx_reader_token_file, airflow_tables):
    """The empty stores of one pipeline."""
    passfile = str(servers.layout.pgpass("market_reader"))
    names = {"postgres": settings.postgres_database, "airflow": AIRFLOW}
    with ExitStack() as stack:
        databases = {
            uid: stack.enter_context(
                psycopg.connect(
                    host=settings.postgres_host, port=settings.postgres_port, dbname=name,
                    user="market_reader", passfile=passfile, autocommit=True,
                )
            )
            for uid, name in names.items()
        }  # fmt: skip
        found = Stores(settings, influx_reader_token_file.read_text().strip(), databases)
        yield found
        found.close()


@pytest.fixture(scope="session")
def airflow_tables(servers, tmp_path_factory):
    """Airflow's own tables, their runs readable as a line makes them."""
    told = {
        **{name: value for name, value in os.environ.items() if "AIRFLOW" not in name},
        "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow tables")),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": metadata_database(servers.layout, servers.ports),
    }
    command = [sys.executable, "-m", "airflow", "db", "migrate"]
    done = subprocess.run(command, env=told, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    with superuser(servers.layout, servers.ports, AIRFLOW) as connection:
        show_runs(connection)


@pytest.fixture
def airflow_runs(servers, airflow_tables):
    """Runs of two DAGs within the last hour: three went well, the newest of one failed."""
    runs = [
        ("drain_kafka", "success", 50),
        ("drain_kafka", "success", 40),
        ("audit_quality", "success", 30),
        ("audit_quality", "failed", 20),
    ]
    with superuser(servers.layout, servers.ports, AIRFLOW) as connection:
        for dag, state, minutes_ago in runs:
            connection.execute(
                "INSERT INTO dag_run (dag_id, run_id, run_type, run_after, state, clear_number,"
                " queued_at, start_date, end_date)"
                " SELECT %(dag)s, %(run)s, 'scheduled', at, %(state)s, 0, at, at,"
                " at + interval '3 s'"
                " FROM (SELECT now() - make_interval(mins => %(ago)s)) AS t (at)",
                {"dag": dag, "run": f"run {minutes_ago}", "state": state, "ago": minutes_ago},
            )
        yield
        connection.execute("DELETE FROM dag_run WHERE run_id LIKE 'run %'")


def _busy(service):
    health = Health(service, 1, [])
    for metric in METRICS:
        labels = ["binance" if name == "exchange" else "0" for name in metric.labels]
        if service not in metric.services:
            continue
        if metric.kind is Kind.COUNTER:
            health.metrics.add(metric, *labels)
        elif metric.kind is Kind.GAUGE:
            health.metrics.set(metric, 1.0, *labels)
        else:
            health.metrics.observe(metric, [0.2])
    return health


def store_trades(connection, batches):
    """Put trades where the drain puts them."""
    rows = [row for batch in batches for row in trade_rows(batch)]
    days = sorted({utc(trade.ts_ms).date() for batch in batches for trade in batch.trades})
    ensure_trade_partitions(connection, days)
    with connection.cursor() as cursor, cursor.copy(TRADES.copy(staged=False)) as copy:
        copy.set_types(list(TRADES.columns.values()))
        for row in rows:
            copy.write_row(row)


@pytest.fixture
def filled(stores, settings, airflow_runs):
    """The stores with two hours of two symbols, until now."""
    now_ms = int(time.time() * 1000)
    with connect(settings, application="test") as connection:
        drain(connection, settings)  # of an empty topic: it registers its offsets
        for symbol in SYMBOLS:
            events = list(market_events(symbol, now_ms))
            stores.write(events)
            store(connection, [event for event in events if isinstance(event, Candle)])
            store_trades(connection, [event for event in events if isinstance(event, Trades)])
        recompute_stale(connection)
        prove_due(connection)
        checks.run_checks(connection, checks.load_checks(), utc(now_ms - 3_600_000), utc(now_ms))
        count_stores(connection, settings, now_ms - 3_600_000, now_ms)
    stores.write_health()
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
