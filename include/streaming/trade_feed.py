"""
A market's trades in order, each once, from the stream and from history.

Trade ids are contiguous, so a missing id is a gap. `TradeBuffer` holds the trades that the stream
delivered. `GapFiller` returns the trades after the last published one and requests the missing ids
from the exchange's history. A gap is filled, or recorded as a `Gap`, before any later trade.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from itertools import batched, takewhile
from typing import Protocol

from include.kpis.records import Event, Gap, MarketKey, Trade, Trades

MAX_BUFFERED_TRADES = 2_000  # about 0.5 MB; history has the trades that are dropped
MAX_SILENT_POLLS = 2
TRADES_PER_EVENT = 1_000  # about 100 kB; Kafka's limit is 1 MiB
STREAM_LAG_S = 1.0
"""How long the stream may lag behind the ticker."""
REORDER_WAIT_S = 0.25
"""How long a message of the stream may lag behind the message after it."""


class TradeHistory(Protocol):
    """The trades of the past, from an exchange's REST API."""

    page_size: int
    """Maximum number of trades in one response."""
    window_ms: int
    """Maximum span of time of one call of `trades_since`."""

    async def trades_from(self, symbol: str, first_id: int) -> list[Trade]: ...
    async def trades_since(self, symbol: str, since_ms: int) -> list[Trade]: ...


class TradeBuffer:
    """
    A bounded buffer of one market's trades from the stream, by id.

    The order of arrival and repeated trades make no difference, because the id is the key.
    """

    is_connected: bool
    """Whether the stream is subscribed. Earlier trades are missing ids."""
    received_count: int
    """Messages received so far."""

    def __init__(
        self,
        *,
        on_silent: Callable[[], None] = lambda: None,
        on_dropped: Callable[[int], None] = lambda _: None,
        max_trades: int = MAX_BUFFERED_TRADES,
    ) -> None:
        """
        Create an empty buffer.

        Args:
            on_silent: Called when the stream is connected but does not deliver this market's
                trades.
            on_dropped: Called with the number of trades that a full buffer discards. The gap in
                the ids remains, so history fills it.
            max_trades: The size at which the buffer counts as full.
        """
        self.is_connected = False
        self.received_count = 0
        self._on_silent = on_silent
        self._on_dropped = on_dropped
        self._max_trades = max_trades
        self._by_id: dict[int, Trade] = {}
        self._arrived = asyncio.Event()
        self._previous_count = 0
        self._silent_polls = 0

    def put(self, trade: Trade) -> None:
        """Add one trade of the stream. A full buffer is emptied first."""
        self.received_count += 1
        if len(self._by_id) >= self._max_trades:
            self._on_dropped(len(self._by_id))
            self._by_id.clear()
        self._by_id[trade.trade_id] = trade
        self._arrived.set()

    def pop(self, after_id: int, before_ms: int | None = None) -> list[Trade]:
        """
        Remove and return the trades from *after_id* + 1 up to the first gap, ascending.

        Args:
            after_id: The last trade the caller has. Trades up to it are discarded.
            before_ms: Event time at which to stop, exclusive; None for no limit.
        """
        popped: list[Trade] = []
        while self.has_next(after_id + len(popped), before_ms):
            popped.append(self._by_id.pop(after_id + 1 + len(popped)))
        if self._by_id:
            last_id = after_id + len(popped)
            self._by_id = {i: trade for i, trade in self._by_id.items() if i > last_id}
        return popped

    def has_next(self, after_id: int, before_ms: int | None = None) -> bool:
        """Return whether trade *after_id* + 1 is buffered, with an event time below *before_ms*."""
        trade = self._by_id.get(after_id + 1)
        return trade is not None and (before_ms is None or trade.ts_ms < before_ms)

    def starts_before(self, before_ms: int | None) -> bool:
        """Return whether the lowest id in the buffer has an event time below *before_ms*."""
        if not self._by_id:
            return False
        return before_ms is None or self._by_id[min(self._by_id)].ts_ms < before_ms

    def fill_page(self, page: list[Trade], after_id: int) -> list[Trade]:
        """Return *page* of history with the buffered trades that it lacks after *after_id*."""
        if not page or page[-1].trade_id - after_id == len(page):
            return page
        both = self._by_id | {trade.trade_id: trade for trade in page}
        return [both[i] for i in sorted(both) if after_id < i <= page[-1].trade_id]

    def __len__(self) -> int:
        return len(self._by_id)

    async def wait_for_trade(self, timeout_s: float) -> bool:
        """Wait until a trade has arrived since the last call. Return False after *timeout_s*."""
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, timeout_s)):
                await self._arrived.wait()
        has_arrived = self._arrived.is_set()
        self._arrived.clear()
        return has_arrived

    def wake(self) -> None:
        """End `wait_for_trade` as if a trade had arrived."""
        self._arrived.set()

    def record_poll(self, *, missed: bool) -> None:
        """
        Check the stream for silence after a poll of the exchange.

        The stream is silent if MAX_SILENT_POLLS polls in a row found trades it had not delivered,
        and no message of this market arrived between them.

        Args:
            missed: Whether history had trades that the stream had not delivered.
        """
        is_without_message = self.received_count == self._previous_count
        self._previous_count = self.received_count
        is_silent = missed and is_without_message and self.is_connected
        self._silent_polls = self._silent_polls + 1 if is_silent else 0
        if self._silent_polls >= MAX_SILENT_POLLS:
            self._silent_polls = 0
            self._on_silent()


class GapFiller:
    """The trades of one market after the last published one."""

    def __init__(
        self,
        history: TradeHistory,
        market: MarketKey,
        buffer: TradeBuffer,
        get_last_id: Callable[[], int | None],
    ) -> None:
        """
        Continue after the trade *get_last_id* returns.

        Args:
            history: The exchange, to fill gaps from.
            market: The market.
            buffer: The trades from the stream.
            get_last_id: Returns the id of the last published trade, None before the first. It
                advances while the caller publishes pages.
        """
        self._history = history
        self._market = market
        self._buffer = buffer
        self._get_last_id = get_last_id
        self._last_raw_id = -1

    async def pages_until(
        self, since_ms: int, until_ms: int, newest_raw_id: int | None, before_ms: int
    ) -> AsyncIterator[tuple[list[Trade], bool]]:
        """
        Yield `(page, is_last)` until *until_ms*. Publish a page before requesting the next one.

        Args:
            since_ms: Event time to start from before the first published trade.
            until_ms: The exchange's current time.
            newest_raw_id: Raw id of the last trade at *until_ms*; None if the exchange does not
                report it.
            before_ms: Event time at which to stop, exclusive. Reading history takes time, and
                trades later than this must wait for their candles.

        Raises:
            Unavailable: The exchange is unreachable. Call again for the rest.
        """
        is_last = False
        if self._get_last_id() is not None:
            async for page, is_last in self._stream_pages(newest_raw_id, before_ms):
                yield page, is_last
        missed_count = 0
        while not is_last:
            found, since_ms, is_last = await self._history_page(since_ms, until_ms)
            page = _take_before(found, before_ms)
            is_last = is_last or len(page) < len(found)
            missed_count += len(page)
            if page or is_last:
                yield page, is_last
        self._buffer.record_poll(missed=missed_count > 0)

    async def next_page(self, timeout_s: float, before_ms: int | None) -> list[Trade]:
        """
        Return the next trades of the stream. A gap before them is filled from history first.

        Args:
            timeout_s: How long to wait for a trade.
            before_ms: Event time at which to stop, exclusive; None for no limit.

        Returns:
            Trades, ascending. Empty if none arrives in time, before the first published trade,
            if history does not have the missing trades yet, or if the gap reaches *before_ms*.
            The next `pages_until` covers these cases.

        Raises:
            Unavailable: The missing trades could not be requested. Call again.
        """
        buffer, last_id = self._buffer, self._get_last_id()
        if last_id is None or not buffer.has_next(last_id, before_ms):
            await buffer.wait_for_trade(timeout_s)
        if last_id is None:
            return []
        page = buffer.pop(last_id, before_ms)
        if page or buffer.has_next(last_id) or not buffer.starts_before(before_ms):
            return page
        if await self._wait_for_reordered(last_id):
            return buffer.pop(last_id, before_ms)
        found = await self._history.trades_from(self._market.symbol, last_id + 1)
        return _take_before(found, before_ms)

    def to_events(self, page: list[Trade]) -> list[Event]:
        """Return *page* as records, with a `Gap` for each run of ids missing before or in it."""
        exchange, symbol = self._market
        recv_ts_ms = time.time_ns() // 1_000_000
        events: list[Event] = []
        last_id = self._get_last_id()
        if last_id is not None:
            page = self._buffer.fill_page(page, last_id)
        for run in _split_at_gaps(page):
            if last_id is not None and run[0].trade_id > last_id + 1:
                reason = "the exchange's history has no such trades"
                missing = (last_id + 1, run[0].trade_id - 1)
                events.append(Gap(exchange, symbol, recv_ts_ms, *missing, reason))
            for some in batched(run, TRADES_PER_EVENT):
                events.append(Trades(exchange, symbol, recv_ts_ms, some))
            last_id = run[-1].trade_id
            self._last_raw_id = max(self._last_raw_id, run[-1].last_id)
        return events

    async def _wait_for_reordered(self, last_id: int) -> bool:
        """Wait for a message that a later one has overtaken. Return whether it arrived."""
        deadline_s = time.monotonic() + REORDER_WAIT_S
        while not self._buffer.has_next(last_id) and time.monotonic() < deadline_s:
            await self._buffer.wait_for_trade(deadline_s - time.monotonic())
        return self._buffer.has_next(last_id)

    async def _stream_pages(
        self, newest_raw_id: int | None, before_ms: int
    ) -> AsyncIterator[tuple[list[Trade], bool]]:
        """
        Yield `(page, is_last)` from the stream. The last page reaches the ticker's last trade.

        If there is no such page in time, the caller must request history.
        """
        deadline_s = time.monotonic() + STREAM_LAG_S
        while newest_raw_id is not None:
            page = self._buffer.pop(self._get_last_id() or 0, before_ms)
            reached = max([self._last_raw_id, *(t.last_id for t in page)])
            is_last = 0 <= newest_raw_id <= reached
            if page or is_last:
                yield page, is_last
            remaining_s = deadline_s - time.monotonic()
            if is_last or not self._buffer.is_connected or remaining_s <= 0:
                return
            if not page:
                await self._buffer.wait_for_trade(remaining_s)

    async def _history_page(self, since_ms: int, until_ms: int) -> tuple[list[Trade], int, bool]:
        """Return a page of history, the time to request next, and whether the page is the last."""
        symbol, last_id = self._market.symbol, self._get_last_id()
        if last_id is not None:
            page = await self._history.trades_from(symbol, last_id + 1)
            return page, since_ms, len(page) < self._history.page_size
        # Without an id to continue from, request window after window until the first trade.
        page = await self._history.trades_since(symbol, since_ms)
        since_ms += self._history.window_ms
        return page, since_ms, len(page) < self._history.page_size and since_ms > until_ms


def _take_before(page: list[Trade], before_ms: int | None) -> list[Trade]:
    if before_ms is None:
        return page
    return list(takewhile(lambda trade: trade.ts_ms < before_ms, page))


def _split_at_gaps(page: list[Trade]) -> Iterator[list[Trade]]:
    """Yield the runs of contiguous ids in *page*."""
    start = 0
    for i in range(1, len(page) + 1):
        if i == len(page) or page[i].trade_id != page[i - 1].trade_id + 1:
            yield page[start:i]
            start = i
