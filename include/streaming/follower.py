"""
Follow one market: what is new since the progress, as batches in the order the fold needs.

Trades of a minute come before its candle, the candle before trades of later minutes as far as the
exchange's pages allow, the tick last.
"""

import time
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import replace
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
from include.streaming.progress import Progress

# How long after a minute's end its candle is taken to be final: the exchange's own last trades of
# the minute may still be on their way to its history.
CANDLE_GRACE_MS = 1_000
CANDLES_PER_BATCH = 500


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


class Source(Protocol):
    """What following a market needs of an exchange; see `include.exchange.binance`."""

    page_size: int
    window_ms: int

    async def tick(self, symbol: str) -> Tick: ...
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
        self, source: Source, market: MarketKey, progress: Progress, *, history_bars: int
    ) -> None:
        self.progress = progress
        self._source = source
        self._market = market
        self._history_ms = history_bars * MINUTE_MS

    async def batches(self) -> AsyncIterator[Batch]:
        """
        Yield what happened since the last call, oldest first; the last batch ends with a tick.

        A tick no newer than the one before it is left out: the exchange's time stands still.
        Memory is bounded: one page of trades, and the candles of the time that was missed.

        Raises:
            Unavailable: The exchange is away: what was yielded stands, call again for the rest.
            Misconfigured: The exchange refuses the symbol.
        """
        tick = await self._source.tick(self._market.symbol)
        closed_until_ms = (tick.event_ts_ms - CANDLE_GRACE_MS) // MINUTE_MS * MINUTE_MS
        if self.progress.trades_since_ms is None:  # the first start: from the open minute on
            self.progress = Progress(trades_since_ms=closed_until_ms)
        trades_since_ms = self.progress.trades_since_ms or 0
        closed = await self._closed_candles(trades_since_ms - self._history_ms, closed_until_ms)
        while closed and closed[0].open_ts_ms < trades_since_ms:
            history = [c for c in closed if c.open_ts_ms < trades_since_ms][:CANDLES_PER_BATCH]
            yield self._batch([closed.popleft() for _ in history], is_last=False)
        async for page, is_last in self._trade_pages(trades_since_ms, tick.event_ts_ms):
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

    async def _trade_pages(
        self, since_ms: int, until_ms: int
    ) -> AsyncIterator[tuple[list[Trade], bool]]:
        """Yield pages of trades not yet published, and whether it is the last for now."""
        symbol, is_last = self._market.symbol, False
        while not is_last:
            last_id = self.progress.last_trade_id
            if last_id is not None:
                page = await self._source.trades_from(symbol, last_id + 1)
                is_last = len(page) < self._source.page_size
            else:  # no id to go on from: window after window until the first trade turns up
                page = await self._source.trades_since(symbol, since_ms)
                since_ms += self._source.window_ms
                is_last = len(page) < self._source.page_size and since_ms > until_ms
                if not page and not is_last:
                    continue
            yield page, is_last

    def _trade_events(self, page: list[Trade]) -> list[Event]:
        if not page:
            return []
        exchange, symbol = self._market
        recv_ts_ms = time.time_ns() // 1_000_000
        events: list[Event] = []
        last_id = self.progress.last_trade_id
        if last_id is not None and page[0].trade_id > last_id + 1:
            reason = "the exchange's history has no such trades"
            missing = (last_id + 1, page[0].trade_id - 1)
            events.append(Gap(exchange, symbol, recv_ts_ms, *missing, reason))
        events.append(Trades(exchange, symbol, recv_ts_ms, tuple(page)))
        return events

    def _batch(self, events: list[Event], *, is_last: bool) -> Batch:
        for event in events:
            if isinstance(event, Trades):
                last_id = event.trades[-1].trade_id
                self.progress = replace(self.progress, last_trade_id=last_id)
            elif isinstance(event, Candle):
                self.progress = replace(self.progress, last_candle_open_ms=event.open_ts_ms)
            elif isinstance(event, Tick):
                self.progress = replace(self.progress, last_tick_ms=event.event_ts_ms)
        return Batch(self._market, tuple(events), self.progress, is_last)
