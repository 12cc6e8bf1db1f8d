"""What a stream brought of one market and nobody has taken yet: by id, bounded."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from include.kpis.records import Trade

MOST_WAITING = 2_000  # some 0.5 MB; history has what is dropped
SILENT_TURNS = 2


class LiveTrades:
    """
    The stream's side puts trades in, the follower takes the run that continues its own.

    Order and repeats do not matter here: ids put every trade in its place, once.

    Attributes:
        is_connected: Whether the stream is subscribed; what happened before shows as a hole.
        received: Messages so far.
    """

    def __init__(
        self,
        *,
        silent: Callable[[], None] = lambda: None,
        dropped: Callable[[int], None] = lambda _: None,
        most: int = MOST_WAITING,
    ) -> None:
        """
        *silent* is called once the stream is found open but without this market's trades.

        *dropped* hears how many were given up, as nobody took them in time; ids show the hole.
        """
        self.is_connected = False
        self.received = 0
        self._silent = silent
        self._dropped = dropped
        self._most = most
        self._by_id: dict[int, Trade] = {}
        self._arrived = asyncio.Event()
        self._received_before = 0
        self._silent_turns = 0

    def offer(self, trade: Trade) -> None:
        """Take in one trade of the stream."""
        self.received += 1
        if len(self._by_id) >= self._most:
            self._dropped(len(self._by_id))
            self._by_id.clear()
        self._by_id[trade.trade_id] = trade
        self._arrived.set()

    def take(self, after_id: int, before_ms: int | None = None) -> list[Trade]:
        """
        Remove and return the trades from *after_id* + 1 up to the first hole, ascending.

        And up to *before_ms*, the exchange's time, if that is given.
        """
        taken: list[Trade] = []
        while self.continues(after_id + len(taken), before_ms):
            taken.append(self._by_id.pop(after_id + 1 + len(taken)))
        if self._by_id:
            last_id = after_id + len(taken)
            self._by_id = {i: trade for i, trade in self._by_id.items() if i > last_id}
        return taken

    def continues(self, after_id: int, before_ms: int | None = None) -> bool:
        """Tell whether the trade after *after_id* is there, and of before *before_ms*."""
        trade = self._by_id.get(after_id + 1)
        return trade is not None and (before_ms is None or trade.ts_ms < before_ms)

    def begins_before(self, before_ms: int | None) -> bool:
        """Tell whether there is a trade, and the first of them is of before *before_ms*."""
        if not self._by_id:
            return False
        return before_ms is None or self._by_id[min(self._by_id)].ts_ms < before_ms

    def completed(self, page: list[Trade], after_id: int) -> list[Trade]:
        """Return *page* of history with what only the stream has between it and *after_id*."""
        if not page or page[-1].trade_id - after_id == len(page):
            return page
        both = self._by_id | {trade.trade_id: trade for trade in page}
        return [both[i] for i in sorted(both) if after_id < i <= page[-1].trade_id]

    def __len__(self) -> int:
        return len(self._by_id)

    async def arrival(self, timeout_s: float) -> bool:
        """Wait until a trade has come in since the last call; return whether one did in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, timeout_s)):
                await self._arrived.wait()
        has_arrived = self._arrived.is_set()
        self._arrived.clear()
        return has_arrived

    def wake(self) -> None:
        """End a wait in `arrival` as if a trade had come."""
        self._arrived.set()

    def judge(self, *, missed: bool) -> None:
        """
        Learn at each turn whether the exchange had trades that the stream has not brought.

        A stream that misses trades turn after turn and says nothing at all is silent.
        """
        said_nothing = self.received == self._received_before
        self._received_before = self.received
        is_silent = missed and said_nothing and self.is_connected
        self._silent_turns = self._silent_turns + 1 if is_silent else 0
        if self._silent_turns >= SILENT_TURNS:
            self._silent_turns = 0
            self._silent()
