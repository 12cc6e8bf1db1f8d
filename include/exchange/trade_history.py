"""Trades of a stretch of time, page by page: the first page by time, those after it by id."""

from collections.abc import AsyncIterator

from include.errors import Unavailable
from include.exchange.binance import Binance
from include.kpis.records import Trade


async def trades_between(
    exchange: Binance, symbol: str, from_ms: int, until_ms: int
) -> AsyncIterator[list[Trade]]:
    """
    Yield the trades with from_ms <= ts_ms < until_ms, ascending; at most `window_ms` of time.

    Raises:
        Unavailable: The exchange is away, or answers out of order.
    """
    assert until_ms - from_ms <= exchange.window_ms
    page = await exchange.trades_since(symbol, from_ms)
    is_last = len(page) < exchange.page_size  # by time an answer has all of its window
    before = -1
    while page:
        ids = [trade.trade_id for trade in page]
        if ids != sorted(set(ids)) or ids[0] <= before:
            raise Unavailable(f"{exchange.name}: trades of {symbol}: expected ascending ids")
        before = ids[-1]
        yield [trade for trade in page if from_ms <= trade.ts_ms < until_ms]
        if is_last or page[-1].ts_ms >= until_ms:
            return
        page = await exchange.trades_from(symbol, before + 1)
