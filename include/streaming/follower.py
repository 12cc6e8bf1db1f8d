"""
Follow one market: what is new since the progress, as batches in the order the fold needs.

Trades of a minute come before its candle, the candle before trades of later minutes as far as the
exchange's pages allow, the tick last. Trades come from a live stream as long as their ids leave no
hole, from the exchange's history otherwise; a hole is filled before anything after it goes out.
"""

import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from itertools import batched
from typing import NamedTuple, Protocol

from include.kpis.records import (
    MINUTE_MS,
    Candle,
    Event,
    Gap,
    MarketKey,
    Tick,
    Trade,
    Trades,
)
from include.streaming.live_trades import LiveTrades
from include.streaming.progress import Progress

# How long after a minute's end its candle is taken to be final: the exchange's own last trades of
# the minute may still be on their way to its history.
CANDLE_GRACE_MS = 1_000
CANDLES_PER_BATCH = 500
TRADES_PER_EVENT = 1_000  # some 100 kB; Kafka takes 1 MiB
# How long the stream may lag behind the ticker, and a message behind the one after it.
STREAM_LAG_S = 1.0
DISORDER_S = 0.25


class Batch(NamedTuple):
    """
    Events of one market that appear together with the progress they make.

    Attributes:
        is_last: Whether nothing more is known for now.
    """

    market: MarketKey
    events: tuple[Event, ...]
    progress: Progress
    is_last: bool


class Look(NamedTuple):
    """
    The exchange at one moment.

    Attributes:
        newest_raw_id: Of the last trade by then; None where the exchange does not say.
        closed: Candles that ended before closed_until_ms.
    """

    tick: Tick
    newest_raw_id: int | None
    closed_until_ms: int
    closed: deque[Candle]


class Source(Protocol):
    """What following a market needs of an exchange; see `include.exchange.binance`."""

    page_size: int
    window_ms: int

    async def tick(self, symbol: str) -> Tick: ...
    def last_raw_id(self, symbol: str) -> int | None: ...
    async def trades_from(self, symbol: str, first_id: int) -> list[Trade]: ...
    async def trades_since(self, symbol: str, since_ms: int) -> list[Trade]: ...
    async def candles(self, symbol: str, from_ms: int, until_ms: int) -> list[Candle]: ...


class Follower:
    """
    One market's place in its history, and the way from there to now.

    Attributes:
        progress: What has been handed out; the next `batches` go on after it.
    """

    def __init__(
        self,
        source: Source,
        market: MarketKey,
        progress: Progress,
        *,
        history_bars: int,
        live: LiveTrades | None = None,
    ) -> None:
        self.progress = progress
        self._live = LiveTrades() if live is None else live  # without a stream it stays empty
        self._last_raw_id = -1
        self._source = source
        self._market = market
        self._history_ms = history_bars * MINUTE_MS

    async def look(self) -> Look:
        """
        Return the ticker of now, and the candles that are closed by then and not yet published.

        Trades may be published meanwhile: this is where the exchange's rate limit is waited for.

        Raises:
            Unavailable: The exchange is away.
            Misconfigured: The exchange refuses the symbol.
        """
        tick = await self._source.tick(self._market.symbol)
        newest_raw_id = self._source.last_raw_id(self._market.symbol)
        closed_until_ms = (tick.event_ts_ms - CANDLE_GRACE_MS) // MINUTE_MS * MINUTE_MS
        trades_since_ms = self.progress.trades_since_ms
        if trades_since_ms is None:  # the first start: from the open minute on
            trades_since_ms = closed_until_ms
        closed = await self._closed_candles(trades_since_ms - self._history_ms, closed_until_ms)
        return Look(tick, newest_raw_id, closed_until_ms, closed)

    async def batches(self, look: Look | None = None) -> AsyncIterator[Batch]:
        """
        Yield what happened until *look*, or now; oldest first; the last batch ends with a tick.

        A tick no newer than the one before it is left out: the exchange's time stands still.
        Memory is bounded: one page of trades, and the candles of the time that was missed.

        Raises:
            Unavailable: The exchange is away: what was yielded stands, call again for the rest.
            Misconfigured: The exchange refuses the symbol.
        """
        look = look or await self.look()
        tick, closed, closed_until_ms = look.tick, look.closed, look.closed_until_ms
        if self.progress.trades_since_ms is None:
            self.progress = Progress(trades_since_ms=closed_until_ms)
        trades_since_ms = self.progress.trades_since_ms or 0
        while closed and closed[0].open_ts_ms < trades_since_ms:
            history = [c for c in closed if c.open_ts_ms < trades_since_ms][:CANDLES_PER_BATCH]
            yield self._batch([closed.popleft() for _ in history], is_last=False)
        async for page, is_last in self._trade_pages(trades_since_ms, look):
            events = self._trade_events(page)
            seen_until_ms = page[-1].ts_ms if page else closed_until_ms
            while closed and (is_last or closed[0].open_ts_ms + MINUTE_MS <= seen_until_ms):
                events.append(closed.popleft())
            if is_last and tick.event_ts_ms > (self.progress.last_tick_ms or 0):
                events.append(tick)
            if events:
                yield self._batch(events, is_last=is_last)

    async def _closed_candles(self, history_ms: int, until_ms: int) -> deque[Candle]:
        last_ms = self.progress.last_candle_open_ms
        from_ms = history_ms if last_ms is None else last_ms + MINUTE_MS
        closed: deque[Candle] = deque()
        while from_ms < until_ms:
            page = await self._source.candles(self._market.symbol, from_ms, until_ms)
            if not page:  # nothing more, or a hole in the exchange's history
                break
            closed.extend(page)
            from_ms = page[-1].open_ts_ms + MINUTE_MS
        return closed

    async def next_arrival(self, timeout_s: float) -> Batch | None:
        """
        Return what the stream brought, a hole in it filled from history first.

        None if nothing comes in time, before the first trade is published, or while history does
        not know of the hole's trades yet: the next `batches` see to these.

        Raises:
            Unavailable: The hole could not be asked for; call again.
        """
        live, last_id = self._live, self.progress.last_trade_id
        if last_id is None or not live.continues(last_id):
            await live.arrival(timeout_s)
        if last_id is None:
            return None
        page = live.take(last_id)
        if not page and len(live):
            if await self._put_in_order(live, last_id):
                page = live.take(last_id)
            else:
                page = await self._source.trades_from(self._market.symbol, last_id + 1)
        return self._batch(self._trade_events(page), is_last=True) if page else None

    def wake(self) -> None:
        """End a wait in `next_arrival`: something else has happened."""
        self._live.wake()

    async def _put_in_order(self, live: LiveTrades, last_id: int) -> bool:
        """Wait for a message overtaken by the next one; return whether it came."""
        give_up_s = time.monotonic() + DISORDER_S
        while not live.continues(last_id) and time.monotonic() < give_up_s:
            await live.arrival(give_up_s - time.monotonic())
        return live.continues(last_id)

    async def _trade_pages(
        self, since_ms: int, look: Look
    ) -> AsyncIterator[tuple[list[Trade], bool]]:
        """Yield pages of trades not yet published, and whether it is the last for now."""
        is_last = False
        if self.progress.last_trade_id is not None:
            async for page, is_last in self._streamed_pages(self._live, look.newest_raw_id):
                yield page, is_last
        missed = 0
        while not is_last:
            page, since_ms, is_last = await self._history_page(since_ms, look.tick.event_ts_ms)
            missed += len(page)
            if page or is_last:
                yield page, is_last
        self._live.judge(missed=missed > 0)

    async def _streamed_pages(
        self, live: LiveTrades, newest_raw_id: int | None
    ) -> AsyncIterator[tuple[list[Trade], bool]]:
        """
        Yield what continues our trades; the last page reaches the last trade the ticker told of.

        Without such a page, history has to be asked.
        """
        give_up_s = time.monotonic() + STREAM_LAG_S
        while newest_raw_id is not None:
            page = live.take(self.progress.last_trade_id or 0)
            reached = max([self._last_raw_id, *(t.last_id for t in page)])
            is_last = 0 <= newest_raw_id <= reached
            if page or is_last:
                yield page, is_last
            remaining_s = give_up_s - time.monotonic()
            if is_last or not live.is_connected or remaining_s <= 0:
                return
            if not page:
                await live.arrival(remaining_s)

    async def _history_page(self, since_ms: int, until_ms: int) -> tuple[list[Trade], int, bool]:
        """Return a page of history, from when to ask for the next, and whether it is the last."""
        symbol, last_id = self._market.symbol, self.progress.last_trade_id
        if last_id is not None:
            page = await self._source.trades_from(symbol, last_id + 1)
            return page, since_ms, len(page) < self._source.page_size
        # no id to go on from: window after window until the first trade turns up
        page = await self._source.trades_since(symbol, since_ms)
        since_ms += self._source.window_ms
        return page, since_ms, len(page) < self._source.page_size and since_ms > until_ms

    def _trade_events(self, page: list[Trade]) -> list[Event]:
        """Return *page* as records, with what is known to be missing before and inside it."""
        exchange, symbol = self._market
        recv_ts_ms = time.time_ns() // 1_000_000
        events: list[Event] = []
        last_id = self.progress.last_trade_id
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
        return events

    def _batch(self, events: list[Event], *, is_last: bool) -> Batch:
        for event in events:
            if isinstance(event, Trades):
                last = event.trades[-1]
                self._last_raw_id = max(self._last_raw_id, last.last_id)
                self.progress = replace(self.progress, last_trade_id=last.trade_id)
            elif isinstance(event, Candle):
                self.progress = replace(self.progress, last_candle_open_ms=event.open_ts_ms)
            elif isinstance(event, Tick):
                self.progress = replace(self.progress, last_tick_ms=event.event_ts_ms)
        return Batch(self._market, tuple(events), self.progress, is_last)


def _runs(page: list[Trade]) -> Iterator[list[Trade]]:
    """Split *page* where its ids leave something out."""
    start = 0
    for i in range(1, len(page) + 1):
        if i == len(page) or page[i].trade_id != page[i - 1].trade_id + 1:
            yield page[start:i]
            start = i
