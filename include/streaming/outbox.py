"""Gather the batches of all markets and publish them in few transactions."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Protocol

from include import wire
from include.broker.records import Outgoing
from include.settings import Settings
from include.streaming import progress
from include.streaming.batch import Batch

GATHER_S = 0.1  # a transaction costs some 30 ms: one for all markets that come within this window
MOST_BATCHES = 200
STOP_WITHIN_S = 5.0


class Writer(Protocol):
    """Writes records all or nothing; see `include.broker.writer.TransactionalWriter`."""

    def write(self, records: list[Outgoing]) -> None: ...


class Outbox:
    """
    A meeting point: followers put a batch and wait until Kafka has it.

    So at most one batch of each market is in memory, however slow Kafka is.
    """

    def __init__(
        self, settings: Settings, writer: Writer, *, published: Callable[[list[Batch]], None]
    ) -> None:
        self._settings = settings
        self._writer = writer
        self._published = published
        self._waiting: asyncio.Queue[tuple[Batch, asyncio.Future[None]]] = asyncio.Queue()

    @property
    def waiting(self) -> int:
        """How many batches are not yet in a transaction."""
        return self._waiting.qsize()

    async def put(self, batch: Batch) -> None:
        """Hand over *batch*; return once its transaction is committed."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await self._waiting.put((batch, done))
        await done

    async def run(self) -> None:
        """
        Publish until cancelled.

        Raises:
            Unavailable: Kafka failed a transaction: resume from the progress Kafka has.
        """
        while True:
            gathered = [await self._waiting.get()]
            if gathered[0][0].is_last and self._settings.poll_interval_s:
                await asyncio.sleep(GATHER_S)
            while len(gathered) < MOST_BATCHES and not self._waiting.empty():
                gathered.append(self._waiting.get_nowait())
            batches = [batch for batch, _ in gathered]
            await _to_its_end(asyncio.to_thread(self._writer.write, self._records(batches)))
            self._published(batches)
            for _, done in gathered:
                if not done.cancelled():
                    done.set_result(None)

    def _records(self, batches: list[Batch]) -> list[Outgoing]:
        records = []
        for batch in batches:
            key = str(batch.market).encode()
            records += [
                Outgoing(self._settings.topic_market, key, wire.encode(e), wire.type_of(e))
                for e in batch.events
            ]
            records.append(progress.saved(self._settings, batch.market, batch.progress))
        return records


async def _to_its_end(work: Coroutine[None, None, None]) -> None:
    """
    Await *work*; when cancelled, for a little longer.

    A thread cannot be cancelled: closing the writer under it would spoil a transaction that Kafka
    is about to commit.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait((task,), timeout=STOP_WITHIN_S)
        raise
