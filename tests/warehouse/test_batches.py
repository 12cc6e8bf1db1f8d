"""Size of a transaction: limited by rows and bytes."""

import pytest

from include import wire
from include.kpis.records import Trades
from include.settings import Settings
from include.warehouse import load
from include.warehouse.connection import Connection
from include.warehouse.drain import drain
from include.warehouse.rows import Entry
from tests.warehouse.conftest import Producer, count
from tests.warehouse.market import MARKETS, START_MS, trade

PAGES, TRADES = 12, 1_000


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The bytes of each transaction of the drain, in order."""
    write, sizes = load.write, []

    def measured(connection: Connection, entries: list[Entry]) -> object:
        sizes.append(sum(len(entry.record.value or b"") for entry in entries))
        return write(connection, entries)

    monkeypatch.setattr(load, "write", measured)
    return sizes


def pages() -> list[Trades]:
    return [
        Trades(
            *MARKETS[0],
            START_MS + n,
            tuple(trade(n * TRADES + i, START_MS + i) for i in range(TRADES)),
        )
        for n in range(PAGES)
    ]


def test_a_transaction_exceeds_its_bytes_by_one_record_at_most(
    settings: Settings, producer: Producer, writer: Connection, written: list[int]
):
    producer.send(pages())
    most = 150_000

    drained = drain(writer, settings.model_copy(update={"drain_max_bytes": most}))

    assert (drained.trades, drained.caught_up) == (PAGES * TRADES, True)
    largest = max(len(wire.encode(page)) for page in pages())
    assert len(written) > 3
    assert all(size < most + largest for size in written)


def test_big_records_are_written_one_by_one(
    settings: Settings, producer: Producer, writer: Connection, written: list[int]
):
    producer.send_raw([b"x" * 900_000] * 5)

    drained = drain(writer, settings.model_copy(update={"drain_max_bytes": 1}))

    assert (drained.dead_letters, count(writer, "dead_letters")) == (5, 5)
    assert [size for size in written if size] == [900_000] * 5  # the marker has no size
