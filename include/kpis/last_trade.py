"""The newest trade of a batch, told at once: it needs no memory, so it is no part of the fold."""

from include.kpis.points import LastTradePoint
from include.kpis.records import Trades
from include.kpis.seconds import SECOND_MS


def last_trade(batch: Trades) -> LastTradePoint | None:
    """Return the point of the newest trade that counts; None if the exchange voided them all."""
    for trade in reversed(batch.trades):
        if trade.first_id >= 0:
            ts_ms = trade.ts_ms - trade.ts_ms % SECOND_MS
            return LastTradePoint(batch.exchange, batch.symbol, ts_ms, {"price": trade.price})
    return None
