"""The tables accept every record that decodes: both sinks reject the same records."""

from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from include import wire
from include.broker.records import Record
from include.errors import BadRecord
from include.kpis.engine import KpiEngine
from include.kpis.records import MINUTE_MS, Candle, Event, Gap, Level, MarketSnapshot, Trade, Trades
from include.warehouse import load
from include.warehouse.connection import Connection
from include.warehouse.rows import Entry, decode_entry
from include.warehouse.tables import DEAD_LETTERS
from tests.warehouse.market import START_MS

EXTREMES = [0.0, 5e-324, 1e-300, 1e-200, 1e-30, 1e-18, 1.0, 1e17, 9.99e17, 1e18, 1e300]
numbers = st.sampled_from(EXTREMES) | st.floats(0.0, 1e18)
prices = st.sampled_from(EXTREMES[1:]) | st.floats(1e-30, 1e18, exclude_max=True)
times_ms = st.sampled_from([wire.EARLIEST_MS, START_MS, wire.LATEST_MS - 1]) | st.integers(
    START_MS, START_MS + 5 * MINUTE_MS
)
ids = st.sampled_from([-1, 0, 1, 2**63 - 1]) | st.integers(0, 1_000)
names = ("binance", "BTC/USDT")


@st.composite
def levels(draw: st.DrawFn, *, is_bid: bool) -> tuple[Level, ...]:
    found = sorted(draw(st.sets(prices, max_size=3)), reverse=is_bid)
    return tuple(Level(price, draw(numbers)) for price in found)


snapshots = st.builds(
    MarketSnapshot, *map(st.just, names), times_ms, times_ms,
    *[st.none() | numbers] * 3, prices, *[st.none() | numbers] * 2,
    levels(is_bid=True), levels(is_bid=False),
)  # fmt: skip
one_trade = st.builds(
    Trade, ids, ids, ids, times_ms, prices, prices, st.sampled_from(["buy", "sell"])
)
batches = st.builds(
    Trades, *map(st.just, names), times_ms, st.lists(one_trade, min_size=1, max_size=3).map(tuple)
)
candles = st.builds(
    Candle, *map(st.just, names),
    times_ms.map(lambda ms: ms - ms % MINUTE_MS), times_ms,
    *[prices] * 4, numbers, st.none() | numbers, st.none() | st.sampled_from([0, 1, 2**31 - 1]),
)  # fmt: skip
texts = st.text(st.characters(codec="utf-8"), max_size=20)
gaps = st.builds(Gap, *map(st.just, names), times_ms, ids, ids, texts)
events = st.lists(snapshots | batches | candles | gaps, min_size=20, max_size=60)


@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
@given(events)
def test_the_tables_accept_every_decoded_record(writer: Connection, produced: list[Event]):
    """All records in one transaction, rolled back, without a dead letter."""
    fold, entries = KpiEngine(), []
    for offset, event in enumerate(produced):
        made = decoded(offset, event, fold)
        if made is not None:
            entries.append(made)
    load.ensure_partitions(writer, entries)

    with writer.transaction(force_rollback=True):
        written = load.write(writer, entries)
        found = writer.execute("SELECT reason FROM dead_letters").fetchall()

    assert found == []
    assert written[DEAD_LETTERS.name] == 0


def decoded(offset: int, event: Event, fold: KpiEngine) -> Entry | None:
    record = Record("t", 0, offset, None, wire.encode(event))
    try:
        wire.decode(record.value)
    except BadRecord:
        return None
    return decode_entry(record, fold)
