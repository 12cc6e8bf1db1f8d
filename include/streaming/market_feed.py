"""
One market's new events since the last published ones, in the order that the KPI engine needs.

The trades of a minute come before its candle, the candle before the trades of later minutes, and
the snapshot last. Trades may be at most MAX_AHEAD_MS later than the last candle, even if the
stream or the history stood still meanwhile.
"""

from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from include.kpis.records import MINUTE_MS, Candle, Event, MarketKey, MarketSnapshot, Trades
from include.streaming.trade_feed import GapFiller, TradeBuffer, TradeHistory

# A candle is final this long after the end of its minute. Until then the exchange may still add
# trades of the minute to its history.
CANDLE_GRACE_MS = 1_000
CANDLES_PER_BATCH = 500
MAX_AHEAD_MS = 5 * MINUTE_MS  # less than the KPI engine waits for a candle


class MarketSource(TradeHistory, Protocol):
    """
    One exchange's REST API, as a feed requires it; see `include.exchange.binance`.

    `page_size` limits candles as well as trades.
    """

    async def snapshot(self, symbol: str) -> MarketSnapshot: ...
    def last_raw_id(self, symbol: str) -> int | None: ...
    async def candles(self, symbol: str, from_ms: int, until_ms: int) -> list[Candle]: ...


@dataclass(frozen=True, slots=True)
class Progress:
    """The position in a market up to which events are published; None before the first."""

    trades_since_ms: int | None = None
    """Event time from which trades are published. Candles start earlier."""
    last_trade_id: int | None = None
    """Id of the last published trade."""
    last_candle_open_ms: int | None = None
    """Start of the minute of the last published candle."""
    last_snapshot_ms: int | None = None
    """Event time of the last published snapshot."""


class FeedBatch(NamedTuple):
    """Events of one market and the progress after them, to be published in one transaction."""

    market: MarketKey
    events: tuple[Event, ...]
    progress: Progress
    is_last: bool
    """Whether the feed has no further events at present."""


class PollResult(NamedTuple):
    """The state of the exchange at one moment."""

    snapshot: MarketSnapshot
    newest_raw_id: int | None
    """Raw id of the last trade at that moment; None if the exchange does not report it."""
    closed_until_ms: int
    """End of the last minute whose candle is final, event time."""
    closed: deque[Candle]
    """Unpublished candles that end at or before closed_until_ms, ascending."""


class MarketFeed:
    """The events of one market after its progress."""

    progress: Progress
    """The progress after the last returned batch. The next batch continues from it."""

    def __init__(
        self,
        source: MarketSource,
        market: MarketKey,
        progress: Progress,
        *,
        history_bars: int,
        buffer: TradeBuffer | None = None,
    ) -> None:
        """
        Continue from *progress*.

        Args:
            source: The exchange of the market.
            market: The market.
            progress: The position up to which events are published.
            history_bars: Candles to publish at the first start, from before the first trade.
            buffer: The trades of the stream; None if there is no stream.
        """
        self.progress = progress
        self._buffer = TradeBuffer() if buffer is None else buffer
        self._trades = GapFiller(source, market, self._buffer, lambda: self.progress.last_trade_id)
        self._source = source
        self._market = market
        self._history_ms = history_bars * MINUTE_MS

    async def poll(self) -> PollResult:
        """
        Return the current snapshot, and the final candles that are not yet published.

        This is where requests wait for the rate limit. Trades of the stream may be published
        meanwhile.

        Raises:
            Unavailable: The exchange is unreachable.
            Misconfigured: The exchange rejects the symbol.
        """
        snapshot = await self._source.snapshot(self._market.symbol)
        newest_raw_id = self._source.last_raw_id(self._market.symbol)
        closed_until_ms = (snapshot.event_ts_ms - CANDLE_GRACE_MS) // MINUTE_MS * MINUTE_MS
        trades_since_ms = self.progress.trades_since_ms
        if trades_since_ms is None:  # the first start: from the open minute
            trades_since_ms = closed_until_ms
        closed = await self._closed_candles(trades_since_ms - self._history_ms, closed_until_ms)
        return PollResult(snapshot, newest_raw_id, closed_until_ms, closed)

    async def batches(self, poll_result: PollResult | None = None) -> AsyncIterator[FeedBatch]:
        """
        Yield the events until *poll_result*, oldest first. The last batch ends with the snapshot.

        A snapshot that is not newer than the previous one is left out. Memory holds at most one
        page of trades, and the candles of the time since the progress.

        Args:
            poll_result: A result of `poll`; None to poll now.

        Raises:
            Unavailable: The exchange is unreachable. The batches yielded so far remain valid. Call
                again for the rest.
            Misconfigured: The exchange rejects the symbol.
        """
        polled = poll_result or await self.poll()
        snapshot, closed, closed_until_ms = polled.snapshot, polled.closed, polled.closed_until_ms
        if self.progress.trades_since_ms is None:
            self.progress = Progress(trades_since_ms=closed_until_ms)
        trades_since_ms = self.progress.trades_since_ms or 0
        while closed and closed[0].open_ts_ms < trades_since_ms:
            history = [c for c in closed if c.open_ts_ms < trades_since_ms][:CANDLES_PER_BATCH]
            yield self._to_batch([closed.popleft() for _ in history], is_last=False)
        before_ms = closed_until_ms + MAX_AHEAD_MS
        pages = self._trades.pages_until(
            trades_since_ms, snapshot.event_ts_ms, polled.newest_raw_id, before_ms
        )
        async for page, is_last in pages:
            events = list(_merge_candles(self._trades.to_events(page), closed))
            if is_last:
                events += closed
                if snapshot.event_ts_ms > (self.progress.last_snapshot_ms or 0):
                    events.append(snapshot)
            if events:
                yield self._to_batch(events, is_last=is_last)

    async def _closed_candles(self, history_ms: int, until_ms: int) -> deque[Candle]:
        last_ms = self.progress.last_candle_open_ms
        from_ms = history_ms if last_ms is None else last_ms + MINUTE_MS
        closed: deque[Candle] = deque()
        while from_ms < until_ms:
            page = await self._source.candles(self._market.symbol, from_ms, until_ms)
            if not page:  # the end, or a gap in the exchange's history
                break
            closed.extend(page)
            from_ms = page[-1].open_ts_ms + MINUTE_MS
        return closed

    async def next_stream_batch(self, timeout_s: float) -> FeedBatch | None:
        """
        Return the next trades of the stream. A gap before them is filled from history first.

        Args:
            timeout_s: How long to wait for a trade.

        Returns:
            None if no trade arrives in time, before the first published trade, or if history does
            not have the missing trades yet. The next `batches` covers these cases.

        Raises:
            Unavailable: The missing trades could not be requested. Call again.
        """
        last_ms = self.progress.last_candle_open_ms
        before_ms = None if last_ms is None else last_ms + MINUTE_MS + MAX_AHEAD_MS
        page = await self._trades.next_page(timeout_s, before_ms)
        return self._to_batch(self._trades.to_events(page), is_last=True) if page else None

    def wake(self) -> None:
        """End a wait in `next_stream_batch`."""
        self._buffer.wake()

    def _to_batch(self, events: list[Event], *, is_last: bool) -> FeedBatch:
        for event in events:
            if isinstance(event, Trades):
                last_id = event.trades[-1].trade_id
                self.progress = replace(self.progress, last_trade_id=last_id)
            elif isinstance(event, Candle):
                self.progress = replace(self.progress, last_candle_open_ms=event.open_ts_ms)
            elif isinstance(event, MarketSnapshot):
                self.progress = replace(self.progress, last_snapshot_ms=event.event_ts_ms)
        return FeedBatch(self._market, tuple(events), self.progress, is_last)


def _merge_candles(events: list[Event], closed: deque[Candle]) -> Iterator[Event]:
    """Yield *events*, and each candle of *closed* before the first trade after its minute."""
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
