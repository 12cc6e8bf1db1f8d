"""The record format: events survive encoding, and implausible values are rejected with a reason."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include import wire
from include.errors import BadRecord
from include.kpis.records import Candle, Gap, Level, MarketSnapshot, Trade, Trades

TS = 1_700_000_000_000
SNAPSHOT = MarketSnapshot(
    "binance", "BTC/USDT", TS, TS + 5, 1.0, 3.0, 0.5, 2.0, 10.0, 20.0,
    (Level(1.9, 1.0), Level(1.8, 2.0)), (Level(2.1, 1.0),),
)  # fmt: skip
TRADES = Trades("binance", "BTC/USDT", TS, (Trade(7, 9, 11, TS, 6.37e-06, 1e9, "buy"),))
CANDLE = Candle("binance", "BTC/USDT", TS // 60_000 * 60_000, TS, 1.0, 3.0, 0.5, 2.0, 10.0, 20.0, 3)
GAP = Gap("binance", "BTC/USDT", TS, 5, 9, "history has no such trades")
EVENTS = [SNAPSHOT, TRADES, CANDLE, GAP]


@pytest.mark.parametrize("event", EVENTS, ids=wire.type_of)
def test_decode_returns_the_encoded_event(event):
    assert wire.decode(wire.encode(event)) == event


@given(
    price=st.floats(1e-12, 1e12),
    amount=st.floats(1e-12, 1e12),
    trade_id=st.integers(0, 2**62),
)
def test_decode_keeps_every_bit_of_a_number(price, amount, trade_id):
    batch = Trades("x1", "A/B", TS, (Trade(trade_id, 1, 1, TS, price, amount, "sell"),))

    assert wire.decode(wire.encode(batch)) == batch


def changed(event, **fields):
    return json.dumps(json.loads(wire.encode(event)) | fields).encode()


def without(event, field):
    body = json.loads(wire.encode(event))
    del body[field]
    return json.dumps(body).encode()


@pytest.mark.parametrize(
    ("event", "time"), [(SNAPSHOT, "event_ts_ms"), (TRADES, None), (CANDLE, "open_ts_ms")]
)
def test_decode_accepts_clocks_two_hours_apart(event, time):
    happened_ms = TS if time is None else getattr(event, time)

    assert wire.decode(changed(event, recv_ts_ms=happened_ms - wire.MAX_AHEAD_MS))


@pytest.mark.fault(26)
def test_decode_ignores_unknown_fields():
    assert wire.decode(changed(SNAPSHOT, mood="calm")) == SNAPSHOT


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "empty"),
        (b"", "empty"),
        (b"not json", "malformed"),
        (wire.encode(SNAPSHOT)[:-5], "truncated"),
        (b"[" * 100_000, "object"),
        (b'{"v":1,"type":"snapshot","bids":' + b"[" * 100_000, "nested"),
        (b"\xff\xfe", "malformed"),
        (wire.encode(SNAPSHOT).replace(b"BTC", b"\\ud800"), "record"),
        (changed(SNAPSHOT, symbol="BTC/USDT\x00"), "symbol"),
        (changed(SNAPSHOT, symbol="BTC/USDT'; drop table trades;--"), "symbol"),
        (changed(SNAPSHOT, symbol="a,b=c d\nx"), "symbol"),
        (changed(SNAPSHOT, symbol="../../etc"), "symbol"),
        (changed(SNAPSHOT, symbol="\u202eBTC/USDT"), "symbol"),
        (changed(SNAPSHOT, symbol="X" * 1000 + "/Y"), "symbol"),
        (changed(SNAPSHOT, exchange="Binance"), "exchange"),
        (wire.encode(SNAPSHOT).replace(b'"close":2.0', b'"close":NaN'), "malformed"),
        (wire.encode(SNAPSHOT).replace(b'"close":2.0', b'"close":Infinity'), "malformed"),
        (wire.encode(SNAPSHOT).replace(b'"close":2.0', b'"close":1e999'), "out of range"),
        (changed(SNAPSHOT, close="2.0"), "float"),
        (changed(SNAPSHOT, event_ts_ms=TS + 5 + wire.MAX_AHEAD_MS + 1), "event_ts_ms at most"),
        (changed(TRADES, recv_ts_ms=TS - wire.MAX_AHEAD_MS - 1), "received at"),
        (changed(CANDLE, recv_ts_ms=CANDLE.open_ts_ms - wire.MAX_AHEAD_MS - 1), "open_ts_ms at"),
        (changed(SNAPSHOT, close=0), "close"),
        (changed(SNAPSHOT, close=-2.0), "close"),
        (changed(SNAPSHOT, close=1e300), "close"),
        (changed(SNAPSHOT, close=1e-31), "close"),
        (changed(SNAPSHOT, asks=[[1e-200, 1e-200]]), "asks"),
        (changed(SNAPSHOT, event_ts_ms=TS * 1000), "event_ts_ms"),
        (changed(SNAPSHOT, event_ts_ms=TS // 1000), "event_ts_ms"),
        (changed(SNAPSHOT, bids=[[1.8, 1.0], [1.9, 1.0]]), "bids"),
        (changed(SNAPSHOT, asks=[[2.1, -1.0]]), "asks"),
        (changed(SNAPSHOT, v=2), "version"),
        (changed(SNAPSHOT, type="order"), "type"),
        (changed(SNAPSHOT, type="tick"), "type"),
        (without(SNAPSHOT, "close"), "close"),
        (without(SNAPSHOT, "v"), "`v`"),
        (changed(TRADES, trades=[]), "at least one"),
        (changed(TRADES, trades=[[7, 9, 11, TS, 0.0, 1.0, "buy"]]), "positive"),
        (changed(TRADES, trades=[[7, 9, 11, TS, 1.0, 1.0, "hold"]]), "side"),
        (changed(TRADES, trades=[[7, 9, 8, TS, 1.0, 1.0, "buy"]]), "first <= last"),
        (changed(TRADES, trades=[[7, 9, 9, TS, 1.0, 1.0, "buy"]] * 2), "ascending"),
        (changed(CANDLE, open_ts_ms=TS + 1), "minute"),
        (changed(CANDLE, high=1.5), "high"),
        (changed(CANDLE, low=1.5), "low"),
        (changed(CANDLE, trade_count=-1), "trade_count"),
        (changed(GAP, last_id=4), "ids"),
        (changed(SNAPSHOT, x="x" * 1_000_000), "bytes"),
    ],
)  # fmt: skip
@pytest.mark.fault(16)
@pytest.mark.fault(17)
@pytest.mark.fault(18)
@pytest.mark.fault(26)
@pytest.mark.fault(30)
def test_decode_rejects_invalid_records(value, reason):
    """
    Faults 16 to 18 and 26: the message is one line with the expected and the found.
    """
    with pytest.raises(BadRecord, match=reason) as refusal:
        wire.decode(value)

    assert len(str(refusal.value)) < 300
    assert "\n" not in str(refusal.value)


@given(st.binary(max_size=200))
@pytest.mark.fault(16)
def test_decode_raises_nothing_but_bad_record(value):
    """
    Any bytes give an event or BadRecord.
    """
    try:
        event = wire.decode(value)
    except BadRecord:
        return

    assert wire.decode(wire.encode(event)) == event


def test_the_value_holds_the_type():
    """
    Readers may skip records by the header; the value alone is complete.
    """
    assert [msgspec.json.decode(wire.encode(e))["type"] for e in EVENTS] == list(wire.TYPES)
