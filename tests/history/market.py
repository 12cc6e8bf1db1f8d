"""Candles of the simulated market, stored as by the drain, and the stream's values."""

from include.kpis.engine import KpiEngine
from include.kpis.records import CandlePoint, MarketKey
from include.warehouse.rows import candle_row
from include.warehouse.tables import CANDLES
from tests.kpis import simulated
from tests.kpis.simulated import START_MS

MINUTES = 3 * 1440 + 200
BTC, LRC = MarketKey("binance", "BTC/USDT"), MarketKey("binance", "LRC/BTC")
MACD = ("macd", "macd_signal", "macd_hist")
NAMES = ("vwap", *MACD)


def candles(market=BTC, minutes=MINUTES, start_ms=START_MS):
    history, symbol = simulated.market(market.symbol)
    return simulated.candles(history, symbol, start_ms, minutes)


def with_holes(found):
    """Return candles without some single minutes, five hours and 26 hours."""
    return [
        c for n, c in enumerate(found) if not (n % 97 == 50 or 700 <= n < 1000 or 1700 <= n < 3260)
    ]


def store(connection, found):
    with connection.cursor() as cursor, cursor.copy(CANDLES.copy(staged=False)) as copy:
        copy.set_types(list(CANDLES.columns.values()))
        for candle in found:
            copy.write_row(candle_row(candle))


def streamed(found):
    """Return the fold's points of the candles."""
    fold = KpiEngine()
    points = [point for candle in found for point in fold.update(candle)]
    return [point for point in points if isinstance(point, CandlePoint)]


def computed(connection):
    """Return all rows of `indicators`: values by symbol and time in ms."""
    rows = connection.execute(
        "SELECT symbol, (extract(epoch FROM open_ts) * 1000)::bigint,"
        " vwap, macd, macd_signal, macd_hist FROM indicators"
    )
    return {(symbol, ms): dict(zip(NAMES, values, strict=True)) for symbol, ms, *values in rows}


def changed_rows(connection):
    """Return all rows of `indicators`, each with the transaction that wrote it."""
    return connection.execute(
        "SELECT xmin::text, symbol, open_ts FROM indicators ORDER BY 2, 3"
    ).fetchall()
