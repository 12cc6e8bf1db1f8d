"""
Record format of the Kafka topic `crypto.market`: JSON, one event a record.

Every value starts with `v` (version of the format) and `type`. The other fields are those of the
event class in `include.kpis.records`; a trade is an array. Unknown fields are ignored.

The decoder rejects an event time long after the time of receipt. One such time would advance the
watermark of the KPI engine, and every later trade would count as late. The consumer and the drain
both decode here and therefore reject the same records. The drain stores them as dead letters, and
the audit repairs their trades and candles from the exchange's history.
"""

import re
from contextlib import suppress
from functools import lru_cache

import msgspec

from include.errors import BadRecord
from include.kpis.records import Candle, Event, Gap, Level, MarketSnapshot, Trades
from include.settings import EXCHANGE_NAME, SYMBOL_NAME

VERSION = 1
MAX_VALUE_BYTES = 900_000  # below Kafka's default limit of 1 MiB for a message
MAX_QUANTITY = 1e18  # a price or an amount above it is in a wrong unit
MIN_QUANTITY = 1e-30  # products and quotients of smaller prices and amounts could become 0
EARLIEST_MS = 1_230_768_000_000  # 2009-01-01, before any crypto market
LATEST_MS = 4_102_444_800_000  # 2100-01-01; a time in microseconds is far beyond
# Event time minus time of receipt: the exchange's clock 1 h ahead, the receiver's 1 h behind.
MAX_AHEAD_MS = 7_200_000

TYPES: dict[str, type[Event]] = {
    "snapshot": MarketSnapshot,
    "trades": Trades,
    "candle": Candle,
    "gap": Gap,
}
_NAMES = {cls: name for name, cls in TYPES.items()}
_PREFIXES = {cls: f'{{"v":{VERSION},"type":"{name}",'.encode() for cls, name in _NAMES.items()}


class _Head(msgspec.Struct):
    """The fields every record has."""

    v: int
    """Version of the format."""
    type: str
    """A key of TYPES."""


_encoder = msgspec.json.Encoder()
_head = msgspec.json.Decoder(_Head)
_decoders = {name: msgspec.json.Decoder(cls) for name, cls in TYPES.items()}
_by_prefix = {prefix: _decoders[_NAMES[cls]] for cls, prefix in _PREFIXES.items()}
_PREFIX_COMMA = len(f'{{"v":{VERSION},')  # the comma that ends a prefix is after it


def name_of(kind: type[Event]) -> str:
    """Return the `type` of events of the class *kind*."""
    return _NAMES[kind]


def type_of(event: Event) -> str:
    """Return the event's `type`, which is also its Kafka header `type`."""
    return name_of(type(event))


def encode(event: Event) -> bytes:
    """Encode an event as the value of a record."""
    return _PREFIXES[type(event)] + _encoder.encode(event)[1:]


def decode(value: bytes | None) -> Event:
    """
    Decode the value of a record, and check that its names and numbers are plausible.

    Raises:
        BadRecord: The record can never be decoded: store it as a dead letter. The message states
            what was expected and found.
    """
    if not value:
        raise BadRecord("expected a JSON object, found an empty value")
    if len(value) > MAX_VALUE_BYTES:
        raise BadRecord(f"expected at most {MAX_VALUE_BYTES} bytes, found {len(value)}")
    try:
        event = _parse(value)
    except (msgspec.MsgspecError, UnicodeDecodeError) as e:
        raise BadRecord(f"expected a record of version {VERSION}: {e}") from None
    except RecursionError:
        raise BadRecord("expected a flat JSON object, found one nested too deeply") from None
    _check_names(event.exchange, event.symbol)
    _check(event)
    return event


def _parse(value: bytes) -> Event:
    """Parse; the first bytes of a value from `encode` give the type without parsing twice."""
    decoder = _by_prefix.get(value[: value.find(b",", _PREFIX_COMMA) + 1])
    if decoder is not None:
        with suppress(msgspec.MsgspecError):  # the code below reports the error
            return decoder.decode(value)
    head = _head.decode(value)
    if head.v != VERSION:
        raise BadRecord(f"expected version {VERSION}, found {head.v}")
    decoder = _decoders.get(head.type)
    if decoder is None:
        raise BadRecord(f"expected type {'|'.join(TYPES)}, found {head.type[:40]!r}")
    return decoder.decode(value)


@lru_cache(maxsize=4096)
def _is_name(pattern: re.Pattern[str], text: str) -> bool:
    return pattern.fullmatch(text) is not None


def _check_names(exchange: str, symbol: str) -> None:
    if not _is_name(EXCHANGE_NAME, exchange):
        raise BadRecord(f"expected an exchange's name, found {exchange[:40]!r}")
    if not _is_name(SYMBOL_NAME, symbol):
        raise BadRecord(f"expected a symbol such as BTC/USDT, found {symbol[:40]!r}")


def _check(event: Event) -> None:
    _check_time("recv_ts_ms", event.recv_ts_ms)
    match event:
        case MarketSnapshot():
            _check_snapshot(event)
        case Trades():
            _check_trades(event)
        case Candle():
            _check_candle(event)
        case Gap():
            if not 0 <= event.first_id <= event.last_id < 2**63:
                raise BadRecord(
                    f"expected ids first <= last, found {event.first_id}..{event.last_id}"
                )
            if "\x00" in event.reason or len(event.reason) > 500:
                raise BadRecord("expected a short reason, found NUL or more than 500 characters")


def _check_snapshot(snapshot: MarketSnapshot) -> None:
    _check_time("event_ts_ms", snapshot.event_ts_ms)
    _check_not_ahead("event_ts_ms", snapshot.event_ts_ms, snapshot.recv_ts_ms)
    _check_price("close", snapshot.close)
    for name, price in (("open", snapshot.open), ("high", snapshot.high), ("low", snapshot.low)):
        if price is not None:
            _check_amount(name, price)
    for name, volume in (
        ("base_volume", snapshot.base_volume),
        ("quote_volume", snapshot.quote_volume),
    ):
        if volume is not None:
            _check_amount(name, volume)
    if not _are_plain_bids(snapshot.bids):
        _check_side("bids", snapshot.bids, sign=-1)
    if not _are_plain_asks(snapshot.asks):
        _check_side("asks", snapshot.asks, sign=1)


def _are_plain_bids(levels: tuple[Level, ...], minimum: float = MIN_QUANTITY) -> bool:
    """Return True only if `_check_side` accepts the levels, in a third of its time."""
    above = MAX_QUANTITY
    for price, amount in levels:
        if not (above > price >= minimum <= amount < MAX_QUANTITY):
            return False
        above = price
    return True


def _are_plain_asks(levels: tuple[Level, ...], minimum: float = MIN_QUANTITY) -> bool:
    """Return True only if `_check_side` accepts the levels, in a third of its time."""
    below = 0.0
    for price, amount in levels:
        if not (below < price >= minimum <= amount < MAX_QUANTITY > price):
            return False
        below = price
    return True


def _check_side(name: str, levels: tuple[Level, ...], *, sign: int) -> None:
    previous = None
    for price, amount in levels:
        is_amount = amount == 0 or MIN_QUANTITY <= amount < MAX_QUANTITY
        if not MIN_QUANTITY <= price < MAX_QUANTITY or not is_amount:
            raise BadRecord(f"expected positive {name}, found {price} x {amount}")
        if previous is not None and (price - previous) * sign <= 0:
            raise BadRecord(f"expected {name} best first, found {price} after {previous}")
        previous = price


def _check_trades(batch: Trades) -> None:
    previous = -1
    latest_ms = min(LATEST_MS, batch.recv_ts_ms + MAX_AHEAD_MS + 1)
    for trade_id, first_id, last_id, ts_ms, price, amount, side in batch.trades:
        if not previous < trade_id < 2**63:
            raise BadRecord(f"expected ascending trade ids, found {trade_id} after {previous}")
        if not MIN_QUANTITY <= price < MAX_QUANTITY or not MIN_QUANTITY <= amount < MAX_QUANTITY:
            raise BadRecord(f"expected a positive trade, found {price} x {amount} (id {trade_id})")
        if not EARLIEST_MS <= ts_ms < latest_ms:
            raise BadRecord(
                f"expected ms since the epoch, before {latest_ms}: received at {batch.recv_ts_ms}; "
                f"found {ts_ms} (id {trade_id})"
            )
        if side not in ("buy", "sell") or not -1 <= first_id <= last_id < 2**63:
            raise BadRecord(
                f"expected a side and first <= last, found {side[:8]!r} (id {trade_id})"
            )
        previous = trade_id
    if previous < 0:
        raise BadRecord("expected at least one trade, found none")


def _check_candle(candle: Candle) -> None:
    _check_time("open_ts_ms", candle.open_ts_ms)
    _check_not_ahead("open_ts_ms", candle.open_ts_ms, candle.recv_ts_ms)
    if candle.open_ts_ms % 60_000:
        raise BadRecord(f"expected the start of a minute, found {candle.open_ts_ms}")
    for name, price in (("open", candle.open), ("low", candle.low), ("close", candle.close)):
        _check_price(name, price)
    lower, upper = sorted((candle.open, candle.close))
    if not candle.low <= lower <= upper <= candle.high < MAX_QUANTITY:
        raise BadRecord(
            f"expected low <= open, close <= high, found open {candle.open}, high {candle.high}, "
            f"low {candle.low}, close {candle.close}"
        )
    _check_amount("volume", candle.volume)
    if candle.quote_volume is not None:
        _check_amount("quote_volume", candle.quote_volume)
    if candle.trade_count is not None and not 0 <= candle.trade_count < 2**31:
        raise BadRecord(f"expected a trade_count of 0 or more, found {candle.trade_count}")


def _check_time(name: str, ts_ms: int) -> None:
    if not EARLIEST_MS <= ts_ms < LATEST_MS:
        raise BadRecord(f"expected {name} in ms since the epoch, found {ts_ms}")


def _check_not_ahead(name: str, ts_ms: int, recv_ts_ms: int) -> None:
    if ts_ms > recv_ts_ms + MAX_AHEAD_MS:
        raise BadRecord(
            f"expected {name} at most {MAX_AHEAD_MS} ms after it was received, at {recv_ts_ms}; "
            f"found {ts_ms}"
        )


def _check_price(name: str, value: float) -> None:
    if not MIN_QUANTITY <= value < MAX_QUANTITY:
        raise BadRecord(f"expected a positive {name}, found {value}")


def _check_amount(name: str, value: float) -> None:
    if not 0 <= value < MAX_QUANTITY:
        raise BadRecord(f"expected a {name} of 0 or more, found {value}")
