"""A market's turns: ask the exchange at fixed times, publish what the stream brings in between."""

import asyncio
from collections.abc import Awaitable, Callable

from include.streaming.batch import Batch
from include.streaming.deadlines import Deadlines
from include.streaming.follower import Follower

LONGEST_LOOK_S = 60.0


class Turns:
    """What one follower finds, batch by batch: the next one once *publish* has returned."""

    def __init__(
        self,
        follower: Follower,
        publish: Callable[[Batch], Awaitable[None]],
        deadlines: Deadlines,
    ) -> None:
        self._follower = follower
        self._publish = publish
        self._deadlines = deadlines

    async def ask(self) -> None:
        """
        Publish what the exchange tells when asked, its ticker last; the stream's trades meanwhile.

        Raises:
            Unavailable: The exchange is away: what was published stands, call again for the rest.
            Misconfigured: The exchange refuses the symbol.
        """
        looking = asyncio.create_task(self._follower.look())
        looking.add_done_callback(lambda _: self._follower.wake())
        try:
            while not looking.done():
                await self._publish_arrival(LONGEST_LOOK_S)
            look = looking.result()
        finally:
            looking.cancel()
        async for batch in self._follower.batches(look):
            await self._publish(batch)
        self._deadlines.advance()

    async def listen(self) -> None:
        """
        Publish what the stream brings until it is time to ask.

        Raises:
            Unavailable: A hole could not be filled: call again.
        """
        while self._deadlines.remaining_s > 0:
            await self._publish_arrival(self._deadlines.remaining_s)
        await asyncio.sleep(0)  # without an interval others run only here

    async def _publish_arrival(self, timeout_s: float) -> None:
        batch = await self._follower.next_arrival(timeout_s)
        if batch:
            await self._publish(batch)
