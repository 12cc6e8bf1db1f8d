"""The next batch read and folded while PostgreSQL takes the one before."""

import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from include.warehouse.batches import Batch, Batches
from include.warehouse.offsets import Places


class ReadAhead:
    """
    Reads and folds a batch while the one before is being written: PostgreSQL and we work at once.

    One thread at a time touches *batches*: ours only after the other's batch is done.
    """

    def __init__(self, batches: Batches, stopping: threading.Event) -> None:
        self._batches = batches
        self._stopping = stopping
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="read-ahead")
        self._following: Future[Batch | None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.shutdown()

    def start_from(self, places: Places) -> None:
        """As `Batches.start_from`; what was read ahead is forgotten, a failure of it too."""
        if self._following is not None:
            self._following.exception()
        self._batches.start_from(places)
        self._following = self._thread.submit(self._batches.next)

    def next(self) -> Batch | None:
        """As `Batches.next`."""
        assert self._following is not None
        batch = self._following.result()
        if batch is not None:
            self._following = self._thread.submit(self._batches.next)
        return batch

    def is_end(self, positions: Mapping[int, int]) -> bool:
        """As `Batches.is_end`."""
        return self._batches.is_end(positions)
