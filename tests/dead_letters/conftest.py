"""Fixtures of the drain, and dead letters of the consumer."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

import pytest

from include.broker.records import Record
from include.broker.writer import AcknowledgedWriter
from include.settings import Settings
from include.streaming.dead_letters import DeadLetter, encode
from tests.warehouse.conftest import owner, producer

__all__ = ["owner", "park", "producer"]


@pytest.fixture
def park(settings: Settings) -> Iterator[Callable[[Sequence[Record], str], None]]:
    """Write dead letters as by the consumer."""
    with closing(AcknowledgedWriter(settings, "test-parking")) as parking:

        def write(records: Sequence[Record], reason: str) -> None:
            parking.write(encode(settings, [DeadLetter(record, reason) for record in records]))

        yield write
