"""A recorded market through the whole line: what comes out is what the recording says."""

import math
from pathlib import Path

import pytest

from include.kpis.registry import NAMES
from include.warehouse.connection import connect
from local.demo.access import reader_settings
from local.demo.replay import replayed
from local.environment import SIMULATED
from local.line import Line
from tests.streaming.conftest import Bucket

TAPES = Path(__file__).parents[3] / "shared" / "tapes"
FIRST, SECOND = (TAPES / f"binance-spot-btcusdt-2024080{day}.gz" for day in (8, 9))

# Worked out from the tapes by hand, in shared/tapes/README.md: open, high, low, close, volume,
# volume-weighted price, trades; None where that page says nothing.
MINUTES = {
    "2024-08-08 23:58+00": (61652.0, 61745.27, 61583.22, 61717.63, 77.14202, 61660.8623, 3216),
    "2024-08-08 23:59+00": (None, None, None, 61685.99, 32.41946, 61707.0515, 1312),
    "2024-08-09 00:00+00": (61686.0, None, None, 61631.79, 34.0818, 61689.4706, 1824),
}
FIGURES = """
    SELECT
        (array_agg(price ORDER BY trade_id))[1], max(price), min(price),
        (array_agg(price ORDER BY trade_id DESC))[1],
        sum(amount), sum(price * amount) / sum(amount), sum(last_id - first_id + 1)
    FROM trades
    WHERE ts >= %(minute)s::timestamptz AND ts < %(minute)s::timestamptz + interval '1 minute'
"""
CANDLE = """
    SELECT open, high, low, close, volume, quote_volume / volume, trade_count
    FROM candles
    WHERE open_ts = %(minute)s
"""


def rows(database):
    """Return the KPIs that PostgreSQL has of each snapshot, as InfluxDB would name it."""
    cursor = database.execute("SELECT * FROM crypto_prices")
    names = [column.name for column in cursor.description]
    told = [dict(zip(names, row, strict=True)) for row in cursor]
    return {
        (row["symbol"], round(row["timestamp"].timestamp() * 1000)): {
            name: row[name] for name in NAMES if row[name] is not None
        }
        for row in told
    }


def points(line):
    """Return the KPIs that InfluxDB has of each snapshot."""
    settings = reader_settings(line)
    bucket = Bucket(settings, settings.influx_token_file.read_text().strip())
    try:
        return bucket.points()
    finally:
        bucket.client.close()


@pytest.mark.parametrize(
    ("tapes", "trades", "minutes"),
    [([FIRST, SECOND], 9_757 + 10_147, MINUTES), ([SECOND], 10_147, {})],
    ids=["both", "second"],
)
def test_the_tapes_figures_come_out(tapes, trades, minutes, toolchain, free_ports, tmp_path):
    """
    Simulator, unmodified ccxt, producer, Kafka, consumer and drain agree on every trade, candle
    and snapshot, PostgreSQL and InfluxDB on every field; the minutes worked out by hand are exact.
    """
    if absent := [str(tape) for tape in tapes if not tape.is_file()]:
        pytest.skip(f"recorded tapes are not here: {', '.join(absent)}")
    line = Line(tmp_path / "replay", free_ports.ports(), SIMULATED, toolchain)

    with replayed(line, tapes) as found, connect(found.settings, application="test") as database:
        distinct = database.execute("SELECT count(DISTINCT trade_id) FROM trades").fetchone()[0]
        figures = {
            minute: [database.execute(q, {"minute": minute}).fetchone() for q in (FIGURES, CANDLE)]
            for minute in minutes
        }
        stored, written = rows(database), points(line)

    assert stored == written
    assert sum("vwap" in values for values in stored.values()) > 50
    assert {p.trades for p in found.passed if p.place != "InfluxDB"} == {trades}
    assert distinct == trades
    assert len({p.candles for p in found.passed if p.place != "InfluxDB"}) == 1
    assert len({p.snapshots for p in found.passed if p.place != "exchange"}) == 1
    for minute, expected in minutes.items():
        for row in figures[minute]:
            for got, number in zip(row, expected, strict=True):
                assert number is None or math.isclose(got, number, rel_tol=1e-9), minute
