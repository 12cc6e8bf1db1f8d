"""Connections by role, and a producer of market records."""

from collections.abc import Iterator, Sequence
from contextlib import closing

import psycopg
import pytest

from include import wire
from include.broker.records import Outgoing
from include.broker.writer import TransactionalWriter
from include.kpis.records import Event
from include.settings import Settings
from include.warehouse.connection import Connection, connect
from local.line import Line


@pytest.fixture
def owner(owner_settings: Settings) -> Iterator[Connection]:
    with connect(owner_settings, application="test") as connection:
        yield connection


@pytest.fixture
def reader(servers: Line, settings: Settings) -> Iterator[Connection]:
    """A reader whose session is not read-only: only its rights prevent writes."""
    role = {
        "postgres_user": "market_reader",
        "postgres_passfile": servers.layout.pgpass("market_reader"),
    }
    with connect(settings.model_copy(update=role), application="test") as connection:
        connection.execute("SET default_transaction_read_only = off")
        yield connection


class Producer:
    """Writes to `settings.topic_market` as the pipeline's producer does, and invalid records."""

    def __init__(self, settings: Settings) -> None:
        self._topic = settings.topic_market
        self._writer = TransactionalWriter(settings, f"test-{settings.topic_market}")

    def send(self, events: Sequence[Event]) -> None:
        """Write *events* in one transaction."""
        self._writer.write([self._outgoing(event) for event in events])

    def send_raw(self, values: Sequence[bytes | None], key: bytes = b"poison") -> None:
        """Write any values in one transaction."""
        self._writer.write([Outgoing(self._topic, key, value) for value in values])

    def send_and_abort(self, events: Sequence[Event]) -> None:
        """Write *events* in an aborted transaction: a hole in the offsets."""
        kafka = self._writer._producer
        kafka.begin_transaction()
        for event in events:
            record = self._outgoing(event)
            kafka.send(record.topic, key=record.key, value=record.value)
        kafka.flush()
        kafka.abort_transaction()

    def close(self) -> None:
        self._writer.close()

    def _outgoing(self, event: Event) -> Outgoing:
        key = f"{event.exchange}:{event.symbol}".encode()
        return Outgoing(self._topic, key, wire.encode(event), wire.type_of(event))


@pytest.fixture
def producer(settings: Settings) -> Iterator[Producer]:
    started = Producer(settings)
    yield started
    started.close()


def send_once(settings: Settings, events: Sequence[Event]) -> None:
    """Write *events* with a new producer, which has no metadata of a recreated topic."""
    with closing(Producer(settings)) as started:
        started.send(events)


def rows(connection: Connection, query: str) -> list[tuple[object, ...]]:
    """Return the rows of a query."""
    return connection.execute(query.encode()).fetchall()


def count(connection: Connection, table: str) -> object:
    """Return how many rows *table* has."""
    return rows(connection, f"SELECT count(*) FROM {table}")[0][0]


def violated(error: pytest.ExceptionInfo[psycopg.Error]) -> str | None:
    """Return the constraint that a statement violated."""
    return error.value.diag.constraint_name
