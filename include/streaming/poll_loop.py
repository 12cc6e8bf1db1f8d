"""Poll one market at fixed times, and publish the trades of its stream in between."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from include.streaming.market_feed import FeedBatch, MarketFeed

MAX_WAIT_S = 60.0
"""How long one wait for the stream may last during a poll."""


class PollSchedule:
    """Polls at fixed times. Slow work does not delay later polls, and missed polls are skipped."""

    missed_count: int
    """Polls skipped so far because earlier work took too long."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._next_s = time.monotonic()
        self.missed_count = 0

    @property
    def remaining_s(self) -> float:
        """Seconds until the next poll is due; 0 if it is due now."""
        return max(0.0, self._next_s - time.monotonic())

    def advance(self) -> None:
        """Schedule the next poll an interval after the current one, later than now."""
        now_s = time.monotonic()
        self._next_s += self._interval_s
        if self._next_s < now_s and self._interval_s > 0:
            skipped = int((now_s - self._next_s) // self._interval_s) + 1
            self.missed_count += skipped
            self._next_s += skipped * self._interval_s


class PollLoop:
    """
    The two halves of a market's loop: `poll` when a poll is due, then `relay` until the next one.

    Each batch is requested from the feed after *publish* has returned for the previous one.
    """

    def __init__(
        self,
        feed: MarketFeed,
        publish: Callable[[FeedBatch], Awaitable[None]],
        schedule: PollSchedule,
    ) -> None:
        self._feed = feed
        self._publish = publish
        self._schedule = schedule

    async def poll(self) -> None:
        """
        Poll the exchange and publish the result. Publish the stream's trades while waiting for it.

        Raises:
            Unavailable: The exchange is unreachable. The published batches remain valid. Call
                again for the rest.
            Misconfigured: The exchange rejects the symbol.
        """
        polling = asyncio.create_task(self._feed.poll())
        polling.add_done_callback(lambda _: self._feed.wake())
        try:
            while not polling.done():
                await self._relay_batch(MAX_WAIT_S)
            poll_result = polling.result()
        finally:
            polling.cancel()
        async for batch in self._feed.batches(poll_result):
            await self._publish(batch)
        self._schedule.advance()

    async def relay(self) -> None:
        """
        Publish the stream's trades until the next poll is due.

        Raises:
            Unavailable: A gap could not be filled. Call again.
        """
        while self._schedule.remaining_s > 0:
            await self._relay_batch(self._schedule.remaining_s)
        await asyncio.sleep(0)  # with an interval of 0, other tasks run only here

    async def _relay_batch(self, timeout_s: float) -> None:
        batch = await self._feed.next_stream_batch(timeout_s)
        if batch:
            await self._publish(batch)
