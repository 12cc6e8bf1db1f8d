"""Read tapes, gzip files of recorded WebSocket streams: trades and depth of one symbol."""

import dataclasses
import gzip
import math
import zlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec import field

from include.errors import Misconfigured

Pairs = list[tuple[str, str]]


class StreamEvent(msgspec.Struct, gc=False):
    """The fields used of a `trade` or `depthUpdate` event; a bookTicker event has no kind."""

    kind: str = field(default="", name="e")
    market_id: str = field(default="", name="s")
    event_ms: int = field(default=0, name="E")
    trade_ms: int = field(default=0, name="T")
    trade_id: int = field(default=0, name="t")
    price: str = field(default="", name="p")
    amount: str = field(default="", name="q")
    buyer_is_maker: bool = field(default=False, name="m")
    first_update: int = field(default=0, name="U")
    last_update: int = field(default=0, name="u")
    bids: Pairs | str = field(default="", name="b")  # text in a bookTicker event
    asks: Pairs | str = field(default="", name="a")


class TapeMessage(msgspec.Struct, gc=False):
    """A message of a stream, or the depth snapshot of the REST API."""

    data: StreamEvent | None = None
    snapshot_id: int = field(default=0, name="lastUpdateId")
    """0 in a stream's message."""
    bids: Pairs = []
    asks: Pairs = []


class TapeError(Misconfigured):
    """A tape that cannot be replayed."""


@dataclass(slots=True)
class DepthLog:
    """
    The changes of an order book in columns; prices and amounts in 1e-8.

    Entry 0 is the snapshot. Later entries are the updates after it.
    """

    ts_ms: "array[int]" = dataclasses.field(default_factory=lambda: array("q"))
    """Event time of each entry; 0 for the snapshot."""
    update_ids: "array[int]" = dataclasses.field(default_factory=lambda: array("q"))
    """Id of the last update in each entry."""
    ends: "array[int]" = dataclasses.field(default_factory=lambda: array("q"))
    """End of each entry's levels in *prices* and *amounts*."""
    prices: "array[int]" = dataclasses.field(default_factory=lambda: array("q"))
    """Prices of bids, and negated prices of asks."""
    amounts: "array[int]" = dataclasses.field(default_factory=lambda: array("q"))
    """Amount at each price; 0 removes the level."""

    def add(self, ts_ms: int, update_id: int, bids: Pairs, asks: Pairs) -> None:
        """Add the snapshot or an update."""
        for sign, pairs in ((1, bids), (-1, asks)):
            self.prices.extend(sign * parse_units(price) for price, _ in pairs)
            self.amounts.extend(parse_units(amount) for _, amount in pairs)
        self.ts_ms.append(ts_ms)
        self.update_ids.append(update_id)
        self.ends.append(len(self.prices))


@dataclass(slots=True)
class Recording:
    """One symbol's trades and depth; prices and amounts in 1e-8."""

    market_id: str = ""
    first_trade_id: int = 0
    trade_ts_ms: "array[int]" = dataclasses.field(default_factory=lambda: array("q"))
    prices: "array[int]" = dataclasses.field(default_factory=lambda: array("q"))
    amounts: "array[int]" = dataclasses.field(default_factory=lambda: array("q"))
    taker_sells: bytearray = dataclasses.field(default_factory=bytearray)
    depth: DepthLog = dataclasses.field(default_factory=DepthLog)
    _before_snapshot: list[StreamEvent] = dataclasses.field(default_factory=list)

    def add(self, message: TapeMessage) -> None:
        """Add the next message of the recording."""
        if message.snapshot_id:
            if not self.depth.ts_ms:  # a later snapshot repeats the updates
                self.depth.add(0, message.snapshot_id, message.bids, message.asks)
                for event in self._before_snapshot:
                    self._add_depth(event)
        elif message.data is not None and message.data.kind == "trade":
            self._add_trade(message.data)
        elif message.data is not None and message.data.kind == "depthUpdate":
            self._add_depth(message.data)

    def finish(self) -> None:
        """
        Add the held updates of a recording without a snapshot, such as its second half.

        The book then has only levels that changed since the first update.
        """
        if not self.depth.ts_ms and self._before_snapshot:
            self.depth.add(0, self._before_snapshot[0].first_update - 1, [], [])
            for event in self._before_snapshot:
                self._add_depth(event)

    def _add_trade(self, event: StreamEvent) -> None:
        if not self.prices:
            self.market_id, self.first_trade_id = event.market_id, event.trade_id
        expected = self.first_trade_id + len(self.prices)
        if event.market_id != self.market_id:
            raise TapeError(f"expected one symbol, found {self.market_id} and {event.market_id}")
        if event.trade_id < expected:  # tapes of one recording may overlap
            return
        if event.trade_id > expected:
            raise TapeError(f"expected trade {expected} next, found {event.trade_id}")
        if self.trade_ts_ms and event.trade_ms < self.trade_ts_ms[-1]:
            raise TapeError(f"trade {event.trade_id} is older than the previous trade")
        self.trade_ts_ms.append(event.trade_ms)
        self.prices.append(parse_units(event.price))
        self.amounts.append(parse_units(event.amount))
        self.taker_sells.append(event.buyer_is_maker)

    def _add_depth(self, event: StreamEvent) -> None:
        if not self.depth.ts_ms:  # Binance's rule: hold updates until the snapshot,
            self._before_snapshot.append(event)
            return
        if event.last_update <= self.depth.update_ids[-1]:  # then drop those it contains
            return
        expected = self.depth.update_ids[-1] + 1
        if event.first_update > expected:
            raise TapeError(f"expected depth update {expected} next, found {event.first_update}")
        if isinstance(event.bids, str) or isinstance(event.asks, str):
            raise TapeError("expected lists of levels in a depth update, found text")
        self.depth.add(event.event_ms, event.last_update, event.bids, event.asks)


def parse_units(text: str) -> int:
    """Parse a number with eight decimals, such as "61837.63000000", as an integer of 1e-8."""
    whole, _, places = text.partition(".")
    if len(places) != 8:
        raise TapeError(f"expected a number with eight decimals, found {text!r}")
    return int(whole + places)


def count_decimals(values: "array[int]") -> int:
    """Return the number of decimals that *values*, in 1e-8, need to be exact."""
    divisor, decimals = math.gcd(*values), 8
    while decimals and divisor and divisor % 10 == 0:
        divisor //= 10
        decimals -= 1
    return decimals


def read_tapes(paths: tuple[Path, ...]) -> Recording:
    """
    Read tapes in order as one recording.

    Raises:
        TapeError: A file is missing or damaged, or the recording is incomplete.
    """
    recording = Recording()
    decode = msgspec.json.Decoder(TapeMessage).decode
    for path in paths:
        for number, raw in enumerate(_read_lines(path), 1):
            try:
                recording.add(decode(raw.partition(b" ")[2]))
            except (msgspec.DecodeError, TapeError, ValueError) as error:
                raise TapeError(f"tape {path}, line {number}: {error}") from error
    recording.finish()
    names = " ".join(map(str, paths))
    if not recording.prices:
        raise TapeError(f"tape {names}: expected trades, found none")
    if len(recording.depth.ts_ms) < 2:
        raise TapeError(f"tape {names}: expected depth updates, found none")
    return recording


def _read_lines(path: Path) -> Iterator[bytes]:
    """Yield lines of the form "time-of-receipt message"."""
    try:
        with gzip.open(path, "rb") as file:
            yield from file
    except FileNotFoundError as error:
        raise TapeError(f"tape {path}: no such file") from error
    except (OSError, EOFError, zlib.error) as error:
        raise TapeError(f"tape {path}: expected a complete gzip file, found {error}") from error
