"""A market's turns: ask the exchange at fixed times, publish what the stream brings in between."""

import asyncio
from collections.abc import Awaitable, Callable

from include.streaming.deadlines import Deadlines
from include.streaming.follower import Batch, Follower


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
        Publish what the exchange tells when asked, its ticker last.

        Raises:
            Unavailable: The exchange is away: what was published stands, call again for the rest.
            Misconfigured: The exchange refuses the symbol.
        """
        async for batch in self._follower.batches():
            await self._publish(batch)
        self._deadlines.advance()

    async def listen(self) -> None:
        """
        Publish what the stream brings until it is time to ask.

        Raises:
            Unavailable: A hole could not be filled: call again.
        """
        while self._deadlines.remaining_s > 0:
            batch = await self._follower.next_arrival(self._deadlines.remaining_s)
            if batch:
                await self._publish(batch)
        await asyncio.sleep(0)  # without an interval others run only here
