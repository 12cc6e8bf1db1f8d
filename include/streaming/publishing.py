"""
Publish market events to Kafka with each market's progress, in one transaction.

After a crash the producer loads the progress and continues after it. The progress is written in
the transaction of its events, so no event is lost or published twice.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Protocol

import msgspec

from include import wire
from include.broker.log_reader import read_latest_by_key
from include.broker.records import Outgoing
from include.errors import Misconfigured
from include.kpis.records import MarketKey
from include.settings import Settings
from include.streaming.market_feed import FeedBatch, Progress

KEY_PREFIX = "producer/"
GATHER_S = 0.1  # a transaction takes about 30 ms: one serves all markets that arrive meanwhile
MAX_BATCHES = 200
STOP_TIMEOUT_S = 5.0

_progress_decoder = msgspec.json.Decoder(Progress)


def encode_progress(settings: Settings, market: MarketKey, progress: Progress) -> Outgoing:
    """Return the record that stores *progress* of *market* in the topic of the checkpoints."""
    return Outgoing(
        settings.topic_checkpoints,
        f"{KEY_PREFIX}{market}".encode(),
        msgspec.json.encode(progress),
    )


def load_progress(settings: Settings, markets: Iterable[MarketKey]) -> dict[MarketKey, Progress]:
    """
    Return the stored progress of each market, or an empty one.

    Raises:
        Unavailable: Kafka is unreachable.
        Misconfigured: The topic is missing, or a progress cannot be decoded.
    """
    latest = read_latest_by_key(settings, settings.topic_checkpoints)
    found = {}
    for market in markets:
        value = latest.get(f"{KEY_PREFIX}{market}".encode())
        try:
            found[market] = _progress_decoder.decode(value) if value else Progress()
        except msgspec.MsgspecError as e:
            raise Misconfigured(
                f"{settings.topic_checkpoints}: expected the progress of {market} as JSON: {e}; "
                "delete the record or use another topic"
            ) from None
    return found


class TransactionWriter(Protocol):
    """Write records all or none; see `include.broker.writer.TransactionalWriter`."""

    def write(self, records: list[Outgoing]) -> None: ...


class TransactionBatcher:
    """
    Gathers the batches of all markets and publishes them in few transactions.

    A feed waits until Kafka has its batch, so memory holds at most one batch of each market, even
    if Kafka is slow.
    """

    def __init__(
        self,
        settings: Settings,
        writer: TransactionWriter,
        *,
        on_published: Callable[[list[FeedBatch]], None],
    ) -> None:
        """
        Create a batcher. `run` publishes.

        Args:
            settings: The topics, and the poll interval.
            writer: Writes the transactions.
            on_published: Called with the batches of each committed transaction.
        """
        self._settings = settings
        self._writer = writer
        self._on_published = on_published
        self._waiting: asyncio.Queue[tuple[FeedBatch, asyncio.Future[None]]] = asyncio.Queue()

    @property
    def waiting_count(self) -> int:
        """Number of batches that are not yet in a transaction."""
        return self._waiting.qsize()

    async def put(self, batch: FeedBatch) -> None:
        """Queue *batch*. Return when its transaction is committed."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await self._waiting.put((batch, done))
        await done

    async def run(self) -> None:
        """
        Publish until cancelled.

        Raises:
            Unavailable: A transaction failed. Start over from the progress that Kafka has.
        """
        while True:
            gathered = [await self._waiting.get()]
            if gathered[0][0].is_last and self._settings.poll_interval_s:
                await asyncio.sleep(GATHER_S)
            while len(gathered) < MAX_BATCHES and not self._waiting.empty():
                gathered.append(self._waiting.get_nowait())
            batches = [batch for batch, _ in gathered]
            await _finish(asyncio.to_thread(self._writer.write, self._to_records(batches)))
            self._on_published(batches)
            for _, done in gathered:
                if not done.cancelled():
                    done.set_result(None)

    def _to_records(self, batches: list[FeedBatch]) -> list[Outgoing]:
        records = []
        for batch in batches:
            key = str(batch.market).encode()
            records += [
                Outgoing(self._settings.topic_market, key, wire.encode(e), wire.type_of(e))
                for e in batch.events
            ]
            records.append(encode_progress(self._settings, batch.market, batch.progress))
        return records


async def _finish(work: Coroutine[None, None, None]) -> None:
    """
    Await *work*. When cancelled, wait up to STOP_TIMEOUT_S for its end.

    A thread cannot be cancelled. If the writer were closed in the meantime, a transaction that
    Kafka is about to commit would fail.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait((task,), timeout=STOP_TIMEOUT_S)
        raise
