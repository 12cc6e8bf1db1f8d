"""InfluxDB's seconds of trades, written again from the stored trades."""

from typing import Any, cast

from include.influxdb.lines import encode
from include.influxdb.writer import InfluxDB
from include.kpis.records import SecondPoint, Trade
from include.kpis.second_bars import ALLOWED_LATENESS_MS, SECOND_MS, SecondBars
from include.quality.ledger import Window
from include.warehouse.connection import Connection
from include.warehouse.statements import statement


def rewrite(connection: Connection, influxdb: InfluxDB, window: Window) -> None:
    """
    Write the points of `crypto_trades` for a window.

    The same bars as the consumer's, of the trades in order of their ids. A second without a stored
    trade keeps the point it has, if any.

    Raises:
        Unavailable: InfluxDB is away.
    """
    stored = connection.execute(statement("quality/trades/window"), window.bounds())
    bars = SecondBars()
    closed = []
    for row in stored:
        trade = Trade(*cast(tuple[Any, ...], row))
        closed += bars.advance_watermark(trade.ts_ms)
        bars.add_trade(trade)
    closed += bars.advance_watermark(window.until_ms + SECOND_MS + ALLOWED_LATENESS_MS)
    points = [SecondPoint(*window.market, start_ms, bar.to_values()) for start_ms, bar in closed]
    influxdb.write(encode(points))
