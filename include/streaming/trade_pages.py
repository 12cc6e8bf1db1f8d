"""
Trades in order: of the live stream while their ids leave no hole, of the exchange's history else.

A hole is filled before anything after it is handed out.
"""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import batched, takewhile

from include.kpis.records import Event, Gap, MarketKey, Trade, Trades
from include.streaming.live_trades import LiveTrades
from include.streaming.market_source import MarketSource

TRADES_PER_EVENT = 1_000  # some 100 kB; Kafka takes 1 MiB
# How long the stream may lag behind the ticker, and a message behind the one after it.
STREAM_LAG_S = 1.0
DISORDER_S = 0.25


class TradePages:
    """
    The trades of one market that follow the last one published.

    Args:
        last_id: Tells the id of that trade, None before the first; it moves while pages are taken.
    """

    def __init__(
        self,
        source: MarketSource,
        market: MarketKey,
        live: LiveTrades,
        last_id: Callable[[], int | None],
    ) -> None:
        self._source = source
        self._market = market
        self._live = live
        self._last_id = last_id
        self._last_raw_id = -1

    async def until(
        self, since_ms: int, until_ms: int, newest_raw_id: int | None, before_ms: int
    ) -> AsyncIterator[tuple[list[Trade], bool]]:
        """
        Yield pages of trades up to now, and whether it is the last for now; publish each first.

        Args:
            since_ms: Where to begin when no trade was published yet.
            until_ms: The exchange's time now.
            newest_raw_id: Of the last trade by then; None where the exchange does not say.
            before_ms: Time goes on while history is read: what is later is left for later.

        Raises:
            Unavailable: The exchange is away; call again for the rest.
        """
        is_last = False
        if self._last_id() is not None:
            async for page, is_last in self._streamed(newest_raw_id, before_ms):
                yield page, is_last
        missed = 0
        while not is_last:
            found, since_ms, is_last = await self._of_history(since_ms, until_ms)
            page = _of_before(found, before_ms)
            is_last = is_last or len(page) < len(found)
            missed += len(page)
            if page or is_last:
                yield page, is_last
        self._live.judge(missed=missed > 0)

    async def next_arrival(self, timeout_s: float, before_ms: int | None) -> list[Trade]:
        """
        Return what the stream brought of the time before *before_ms*, a hole filled from history.

        Empty if nothing comes in time, before the first trade is published, while history does
        not know of the hole's trades yet, or if the hole reaches that far: the next `until` sees
        to these.

        Raises:
            Unavailable: The hole could not be asked for; call again.
        """
        live, last_id = self._live, self._last_id()
        if last_id is None or not live.continues(last_id, before_ms):
            await live.arrival(timeout_s)
        if last_id is None:
            return []
        page = live.take(last_id, before_ms)
        if page or live.continues(last_id) or not live.begins_before(before_ms):
            return page
        if await self._put_in_order(last_id):
            return live.take(last_id, before_ms)
        found = await self._source.trades_from(self._market.symbol, last_id + 1)
        return _of_before(found, before_ms)

    def events(self, page: list[Trade]) -> list[Event]:
        """Return *page* as records, with what is known to be missing before and inside it."""
        exchange, symbol = self._market
        recv_ts_ms = time.time_ns() // 1_000_000
        events: list[Event] = []
        last_id = self._last_id()
        if last_id is not None:
            page = self._live.completed(page, last_id)
        for run in _runs(page):
            if last_id is not None and run[0].trade_id > last_id + 1:
                reason = "the exchange's history has no such trades"
                missing = (last_id + 1, run[0].trade_id - 1)
                events.append(Gap(exchange, symbol, recv_ts_ms, *missing, reason))
            for some in batched(run, TRADES_PER_EVENT):
                events.append(Trades(exchange, symbol, recv_ts_ms, some))
            last_id = run[-1].trade_id
            self._last_raw_id = max(self._last_raw_id, run[-1].last_id)
        return events

    async def _put_in_order(self, last_id: int) -> bool:
        """Wait for a message overtaken by the next one; return whether it came."""
        give_up_s = time.monotonic() + DISORDER_S
        while not self._live.continues(last_id) and time.monotonic() < give_up_s:
            await self._live.arrival(give_up_s - time.monotonic())
        return self._live.continues(last_id)

    async def _streamed(
        self, newest_raw_id: int | None, before_ms: int
    ) -> AsyncIterator[tuple[list[Trade], bool]]:
        """
        Yield what continues our trades; the last page reaches the last trade the ticker told of.

        Without such a page, history has to be asked.
        """
        give_up_s = time.monotonic() + STREAM_LAG_S
        while newest_raw_id is not None:
            page = self._live.take(self._last_id() or 0, before_ms)
            reached = max([self._last_raw_id, *(t.last_id for t in page)])
            is_last = 0 <= newest_raw_id <= reached
            if page or is_last:
                yield page, is_last
            remaining_s = give_up_s - time.monotonic()
            if is_last or not self._live.is_connected or remaining_s <= 0:
                return
            if not page:
                await self._live.arrival(remaining_s)

    async def _of_history(self, since_ms: int, until_ms: int) -> tuple[list[Trade], int, bool]:
        """Return a page of history, from when to ask for the next, and whether it is the last."""
        symbol, last_id = self._market.symbol, self._last_id()
        if last_id is not None:
            page = await self._source.trades_from(symbol, last_id + 1)
            return page, since_ms, len(page) < self._source.page_size
        # no id to go on from: window after window until the first trade turns up
        page = await self._source.trades_since(symbol, since_ms)
        since_ms += self._source.window_ms
        return page, since_ms, len(page) < self._source.page_size and since_ms > until_ms


def _of_before(page: list[Trade], before_ms: int | None) -> list[Trade]:
    if before_ms is None:
        return page
    return list(takewhile(lambda trade: trade.ts_ms < before_ms, page))


def _runs(page: list[Trade]) -> Iterator[list[Trade]]:
    """Split *page* where its ids leave something out."""
    start = 0
    for i in range(1, len(page) + 1):
        if i == len(page) or page[i].trade_id != page[i - 1].trade_id + 1:
            yield page[start:i]
            start = i
