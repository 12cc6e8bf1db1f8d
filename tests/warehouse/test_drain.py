"""The drain: exactly once and bit for bit, for any content of topic and tables."""

import dataclasses

import pytest

from include import wire
from include.broker.log_reader import LogReader
from include.errors import Misconfigured, Unavailable
from include.kpis.records import MarketSnapshot, Trades
from include.settings import Settings
from include.warehouse import load
from include.warehouse.connection import Connection, connect
from include.warehouse.drain import drain
from tests.warehouse.comparison import at, expected, found
from tests.warehouse.conftest import Producer, count, rows
from tests.warehouse.market import MARKETS, START_MS, candle, gap, history, snapshot, trade


def test_every_number_arrives_bit_for_bit_and_once(
    settings: Settings, producer: Producer, writer: Connection
):
    events = history(seed=1, batches=240)
    for start in range(0, len(events), 100):
        producer.send(events[start : start + 100])
        producer.send_and_abort([snapshot(ts_ms=START_MS + start + 1)])

    drained = drain(writer, settings)
    again = drain(writer, settings)

    assert found(writer) == expected(events)
    assert (drained.trades, drained.candles, drained.snapshots) == (240 * 40, 240, 240)
    assert (drained.records, drained.duplicates, drained.caught_up) == (720, 0, True)
    assert (again.records, again.trades, again.caught_up) == (0, 0, True)
    days = rows(writer, "SELECT count(DISTINCT tableoid) FROM trades")
    assert days[0][0] == 4  # 80 hours from midnight


def test_offsets_are_positions_beyond_markers_and_aborted_records(
    settings: Settings, producer: Producer, writer: Connection
):
    producer.send([snapshot(ts_ms=START_MS)])
    producer.send_and_abort([snapshot(ts_ms=START_MS + n) for n in range(1, 50)])
    with LogReader(settings, settings.topic_market) as log:
        ends = log.ends()

    drained = drain(writer, settings)

    stored = rows(writer, "SELECT partition, next_offset FROM kafka_offsets ORDER BY 1")
    assert dict(stored) == ends
    assert drained.offsets == {str(partition): end for partition, end in ends.items()}
    assert sum(ends.values()) == 1 + 1 + 49 + 1  # two markers among them
    assert (drained.snapshots, drained.records, drained.caught_up) == (1, 1, True)


def test_small_transactions_add_up_to_the_same(
    settings: Settings, producer: Producer, writer: Connection
):
    events = history(seed=2, batches=12)
    producer.send(events[:10])
    producer.send(events[10:])

    drained = drain(writer, settings.model_copy(update={"drain_max_rows": 1}))

    assert found(writer) == expected(events)
    assert (drained.records, drained.caught_up) == (36, True)


def test_a_drain_out_of_time_reports_it_and_the_next_continues(
    settings: Settings, producer: Producer, writer: Connection
):
    events = history(seed=3, batches=12)
    producer.send(events)
    hasty = settings.model_copy(update={"drain_max_rows": 1, "drain_max_s": 0.001})

    runs = [drain(writer, hasty) for _ in range(3)]
    last = drain(writer, settings)

    assert not any(run.caught_up for run in runs[:2])
    assert last.caught_up
    assert sum(run.records for run in [*runs, last]) == 36
    assert found(writer) == expected(events)


def test_stored_rows_stay_and_count_as_duplicates(
    settings: Settings, producer: Producer, writer: Connection, owner: Connection
):
    events = history(seed=4, batches=9)  # 27 records: trades, candle, snapshot, again
    producer.send(events[:15])
    first = drain(writer, settings)
    owner.execute("DELETE FROM kafka_offsets")  # read all of it again
    producer.send(events[12:])  # the last transaction of the first half is written twice

    second = drain(writer, settings)

    assert found(writer) == expected(events)
    assert (first.trades, first.candles, first.snapshots, first.duplicates) == (200, 5, 5, 0)
    assert (second.trades, second.candles, second.snapshots) == (160, 4, 4)
    assert second.duplicates == 5 * 42 + 1 * 42
    assert second.records == 15 + 15
    assert second.candles_revised == 0


def test_a_candle_with_other_values_is_counted_and_not_stored(
    settings: Settings, producer: Producer, writer: Connection
):
    producer.send([candle()])
    drain(writer, settings)
    producer.send([dataclasses.replace(candle(), volume=11.0)])

    drained = drain(writer, settings)

    assert (drained.candles, drained.duplicates, drained.candles_revised) == (0, 1, 1)
    assert rows(writer, "SELECT volume FROM candles") == [(10.0,)]


def test_gaps_and_snapshots_without_a_book(
    settings: Settings, producer: Producer, writer: Connection
):
    bare = MarketSnapshot(
        *MARKETS[0], START_MS, START_MS, None, None, None, 5.0, None, None, (), ()
    )
    producer.send([gap(5, 9), bare])

    drained = drain(writer, settings)

    assert (drained.gaps, drained.snapshots) == (1, 1)
    assert rows(writer, "SELECT first_id, last_id, reason FROM gaps") == [
        (5, 9, "the exchange's history has none")
    ]
    assert found(writer)["crypto_prices"] == expected([bare])["crypto_prices"]


def test_trades_of_any_day_find_their_partition(
    settings: Settings, producer: Producer, writer: Connection
):
    days = [wire.EARLIEST_MS, START_MS, START_MS + 86_400_000 - 1, wire.LATEST_MS - 1]
    recv_ts_ms = wire.LATEST_MS - 1
    batch = tuple(trade(n, ts) for n, ts in enumerate(days))
    producer.send([Trades(*MARKETS[0], recv_ts_ms, batch)])

    drain(writer, settings)

    placed = rows(writer, "SELECT tableoid::regclass::text FROM trades ORDER BY trade_id")
    assert placed == [
        ("trades_20090101",),
        ("trades_20240229",),
        ("trades_20240229",),
        ("trades_20991231",),
    ]


GOOD = wire.encode(snapshot(ts_ms=START_MS + 60_000))
POISON: dict[str, bytes | None] = {
    "not JSON": b"hello",
    "truncated": GOOD[:-10],
    "nested": b"[" * 100_000,
    "nested in a record": GOOD[:-1] + b',"x":' + b"[" * 100_000,
    "empty": b"",
    "nothing": None,
    "1 MB": GOOD[:-1] + b',"x":"' + b"a" * 1_000_000 + b'"}',
    "bad UTF-8": GOOD.replace(b"binance", b"bin\xff\xfece"),
    "lone surrogate": GOOD.replace(b"binance", b"\\ud800"),
    "NUL in a name": GOOD.replace(b"binance", b"bin\\u0000"),
    "NUL in a reason": wire.encode(gap()).replace(b"history", b"his\\u0000"),
    "NaN": GOOD.replace(b'"close":97.1', b'"close":NaN'),
    "Infinity": GOOD.replace(b'"close":97.1', b'"close":Infinity'),
    "1e999": GOOD.replace(b'"close":97.1', b'"close":1e999'),
    "negative": GOOD.replace(b'"close":97.1', b'"close":-97.1'),
    "zero": GOOD.replace(b'"close":97.1', b'"close":0'),
    "absurd": GOOD.replace(b'"close":97.1', b'"close":1e30'),
    "a number as text": GOOD.replace(b'"close":97.1', b'"close":"97.1"'),
    "another version": GOOD.replace(b'"v":1', b'"v":2'),
}


@pytest.mark.fault(16)
@pytest.mark.fault(17)
@pytest.mark.fault(18)
@pytest.mark.fault(26)
def test_invalid_records_become_dead_letters_with_a_reason(
    settings: Settings, producer: Producer, writer: Connection, owner: Connection
):
    assert len(set(POISON.values())) == len(POISON)
    producer.send([snapshot(ts_ms=START_MS)])
    producer.send_raw(list(POISON.values()))
    producer.send([snapshot(ts_ms=START_MS + 1)])

    drained = drain(writer, settings)
    owner.execute("DELETE FROM kafka_offsets")
    again = drain(writer, settings)  # reads all records again and stores no row twice

    dead = rows(writer, 'SELECT reason, value, value_bytes FROM dead_letters ORDER BY "offset"')
    assert (drained.snapshots, drained.dead_letters) == (2, len(POISON))
    assert (again.snapshots, again.dead_letters, again.duplicates) == (0, 0, 2 + len(POISON))
    for (name, value), (reason, kept, length) in zip(POISON.items(), dead, strict=True):
        assert str(reason).startswith("expected"), (name, reason)
        assert kept == (None if value is None else value[: 64 * 1024]), name
        assert length == len(value or b""), name


def test_a_row_rejected_by_a_table_becomes_a_dead_letter(
    settings: Settings, producer: Producer, writer: Connection, owner: Connection
):
    """The fold has processed the record, as in the consumer, so later values are the same."""
    refuse_13(owner)
    refused = snapshot(ts_ms=START_MS + 2, close=13.0)
    fine = [snapshot(ts_ms=START_MS + n) for n in (0, 1, 3)]
    batch = Trades(*MARKETS[0], START_MS, tuple(trade(n, START_MS + n) for n in range(50)))
    events = [*fine[:2], refused, batch, fine[2], candle()]
    producer.send(events)

    drained = drain(writer, settings)
    again = drain(writer, settings)

    assert (drained.snapshots, drained.trades, drained.candles) == (3, 50, 1)
    assert (drained.dead_letters, drained.caught_up) == (1, True)
    assert again.records == 0
    ((reason, value),) = rows(writer, "SELECT reason, value FROM dead_letters")
    assert reason == "table crypto_prices: unlucky"
    assert wire.decode(bytes(value)) == refused  # type: ignore[call-overload]  # rows are objects
    left = {row for row in expected(events)["crypto_prices"] if at(refused.event_ts_ms) not in row}
    assert found(writer)["crypto_prices"] == left


def test_a_rejected_row_among_duplicates_becomes_a_dead_letter(
    settings: Settings, producer: Producer, writer: Connection, owner: Connection
):
    refuse_13(owner)
    producer.send([snapshot(ts_ms=START_MS + n) for n in range(5)])
    drain(writer, settings)
    owner.execute("DELETE FROM kafka_offsets")
    fine = [snapshot(ts_ms=START_MS + n) for n in range(5, 8)]
    producer.send([*fine, snapshot(ts_ms=START_MS + 9, close=13.0)])

    drained = drain(writer, settings)

    assert (drained.snapshots, drained.duplicates, drained.dead_letters) == (3, 5, 1)


def refuse_13(owner: Connection) -> None:
    """Let a table reject a record that decodes; no real table does (`test_decoded.py`)."""
    owner.execute("ALTER TABLE crypto_prices ADD CONSTRAINT unlucky CHECK (close <> 13)")


def test_values_that_are_not_finite_are_null(
    settings: Settings, producer: Producer, writer: Connection
):
    producer.send([dataclasses.replace(snapshot(), base_volume=1e-320, quote_volume=1e17)])

    drain(writer, settings)

    found = rows(writer, "SELECT close, turnover_ratio, quote_volume FROM crypto_prices")
    assert found == [(97.1, None, 1e17)]


def test_missing_tables_are_misconfigured(settings: Settings, owner_settings: Settings):
    nowhere = owner_settings.model_copy(update={"postgres_database": settings.postgres_database})
    with connect(nowhere, application="test") as connection:
        connection.execute("DROP TABLE kafka_offsets CASCADE")
        with pytest.raises(Misconfigured, match=r"kafka_offsets.*include\.warehouse\.migrations"):
            drain(connection, settings)


def test_a_column_of_another_type_stops_the_drain_without_dead_letters(
    settings: Settings, producer: Producer, writer: Connection, owner: Connection
):
    owner.execute("DROP SCHEMA market_reader CASCADE")
    owner.execute("ALTER TABLE gaps ALTER COLUMN first_id TYPE integer")
    producer.send([snapshot(), gap()])

    with pytest.raises(Misconfigured, match="incorrect binary data format"):
        drain(writer, settings)

    assert [count(writer, table) for table in ("crypto_prices", "gaps", "dead_letters")] == [0] * 3


def test_a_partition_dropped_during_the_drain_is_unavailable_without_dead_letters(
    settings: Settings, producer: Producer, writer: Connection, monkeypatch: pytest.MonkeyPatch
):
    producer.send([Trades(*MARKETS[0], START_MS, (trade(1, START_MS),))])
    monkeypatch.setattr(load, "ensure_partitions", lambda *_: None)

    with pytest.raises(Unavailable, match="no partition of relation"):
        drain(writer, settings)

    monkeypatch.undo()
    assert drain(writer, settings).trades == 1
    assert count(writer, "dead_letters") == 0
