"""
Follow one market: what is new since the progress, as batches in the order the fold needs.

Trades of a minute come before its candle, the candle before trades of later minutes, the snapshot
last. Trades may run ahead of the candles, by AHEAD_MS: whatever stood still meanwhile, stream or
history.
"""

from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import NamedTuple

from include.kpis.records import MINUTE_MS, Candle, Event, MarketKey, MarketSnapshot, Trades
from include.streaming.batch import Batch
from include.streaming.live_trades import LiveTrades
from include.streaming.market_source import MarketSource
from include.streaming.progress import Progress
from include.streaming.trade_pages import TradePages

# How long after a minute's end its candle is taken to be final: the exchange's own last trades of
# the minute may still be on their way to its history.
CANDLE_GRACE_MS = 1_000
CANDLES_PER_BATCH = 500
AHEAD_MS = 5 * MINUTE_MS  # less than the fold waits for a candle


class Look(NamedTuple):
    """
    The exchange at one moment.

    Attributes:
        newest_raw_id: Of the last trade by then; None where the exchange does not say.
        closed: Candles that ended before closed_until_ms.
    """

    snapshot: MarketSnapshot
    newest_raw_id: int | None
    closed_until_ms: int
    closed: deque[Candle]


class Follower:
    """
    One market's place in its history, and the way from there to now.

    Attributes:
        progress: What has been handed out; the next `batches` go on after it.
    """

    def __init__(
        self,
        source: MarketSource,
        market: MarketKey,
        progress: Progress,
        *,
        history_bars: int,
        live: LiveTrades | None = None,
    ) -> None:
        self.progress = progress
        self._live = LiveTrades() if live is None else live  # without a stream it stays empty
        self._trades = TradePages(source, market, self._live, lambda: self.progress.last_trade_id)
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
        snapshot = await self._source.snapshot(self._market.symbol)
        newest_raw_id = self._source.last_raw_id(self._market.symbol)
        closed_until_ms = (snapshot.event_ts_ms - CANDLE_GRACE_MS) // MINUTE_MS * MINUTE_MS
        trades_since_ms = self.progress.trades_since_ms
        if trades_since_ms is None:  # the first start: from the open minute on
            trades_since_ms = closed_until_ms
        closed = await self._closed_candles(trades_since_ms - self._history_ms, closed_until_ms)
        return Look(snapshot, newest_raw_id, closed_until_ms, closed)

    async def batches(self, look: Look | None = None) -> AsyncIterator[Batch]:
        """
        Yield what happened until *look*, or now; oldest first; the last batch ends with a snapshot.

        A snapshot no newer than the one before it is left out: the exchange's time stands still.
        Memory is bounded: one page of trades, and the candles of the time that was missed.

        Raises:
            Unavailable: The exchange is away: what was yielded stands, call again for the rest.
            Misconfigured: The exchange refuses the symbol.
        """
        look = look or await self.look()
        snapshot, closed, closed_until_ms = look.snapshot, look.closed, look.closed_until_ms
        if self.progress.trades_since_ms is None:
            self.progress = Progress(trades_since_ms=closed_until_ms)
        trades_since_ms = self.progress.trades_since_ms or 0
        while closed and closed[0].open_ts_ms < trades_since_ms:
            history = [c for c in closed if c.open_ts_ms < trades_since_ms][:CANDLES_PER_BATCH]
            yield self._batch([closed.popleft() for _ in history], is_last=False)
        before_ms = closed_until_ms + AHEAD_MS
        pages = self._trades.until(
            trades_since_ms, snapshot.event_ts_ms, look.newest_raw_id, before_ms
        )
        async for page, is_last in pages:
            events = list(_in_order(self._trades.events(page), closed))
            if is_last:
                events += closed
                if snapshot.event_ts_ms > (self.progress.last_snapshot_ms or 0):
                    events.append(snapshot)
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
        last_ms = self.progress.last_candle_open_ms
        before_ms = None if last_ms is None else last_ms + MINUTE_MS + AHEAD_MS
        page = await self._trades.next_arrival(timeout_s, before_ms)
        return self._batch(self._trades.events(page), is_last=True) if page else None

    def wake(self) -> None:
        """End a wait in `next_arrival`: something else has happened."""
        self._live.wake()

    def _batch(self, events: list[Event], *, is_last: bool) -> Batch:
        for event in events:
            if isinstance(event, Trades):
                last_id = event.trades[-1].trade_id
                self.progress = replace(self.progress, last_trade_id=last_id)
            elif isinstance(event, Candle):
                self.progress = replace(self.progress, last_candle_open_ms=event.open_ts_ms)
            elif isinstance(event, MarketSnapshot):
                self.progress = replace(self.progress, last_snapshot_ms=event.event_ts_ms)
        return Batch(self._market, tuple(events), self.progress, is_last)


def _in_order(events: list[Event], closed: deque[Candle]) -> Iterator[Event]:
    """Yield *events*, and each candle they have come past before the trades of later minutes."""
    for event in events:
        while isinstance(event, Trades) and closed:
            end_ms = closed[0].open_ts_ms + MINUTE_MS
            later = next((i for i, t in enumerate(event.trades) if t.ts_ms >= end_ms), None)
            if later is None:
                break
            if later:
                yield replace(event, trades=event.trades[:later])
            yield closed.popleft()
            event = replace(event, trades=event.trades[later:])
        yield event
