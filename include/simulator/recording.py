"""A recording of one symbol: its trades, and its depth as a snapshot and updates."""

import dataclasses
from array import array
from dataclasses import dataclass

import msgspec
from msgspec import field

from include.errors import Misconfigured

Pairs = list[tuple[str, str]]


class Event(msgspec.Struct, gc=False):
    """What we read of a `trade` or a `depthUpdate` message; a bookTicker has no kind."""

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
    bids: Pairs | str = field(default="", name="b")  # text in a bookTicker
    asks: Pairs | str = field(default="", name="a")


class Line(msgspec.Struct, gc=False):
    """A stream's message, or the depth snapshot of the REST API."""

    data: Event | None = None
    snapshot_id: int = field(default=0, name="lastUpdateId")
    bids: Pairs = []
    asks: Pairs = []


class TapeError(Misconfigured):
    """A tape that cannot be played."""


@dataclass(slots=True)
class DepthLog:
    """
    The snapshot as entry 0, then the updates after it; prices and amounts in 1e-8.

    Attributes:
        ends: Where each entry's levels end in *prices* and *amounts*.
        prices: Bids as they are, asks negative: one column serves both sides.
        amounts: Amount now at the price; 0 removes the level.
    """

    ts_ms: "array[int]" = dataclasses.field(default_factory=lambda: array("q"))
    update_ids: "array[int]" = dataclasses.field(default_factory=lambda: array("q"))
    ends: "array[int]" = dataclasses.field(default_factory=lambda: array("q"))
    prices: "array[int]" = dataclasses.field(default_factory=lambda: array("q"))
    amounts: "array[int]" = dataclasses.field(default_factory=lambda: array("q"))

    def add(self, ts_ms: int, update_id: int, bids: Pairs, asks: Pairs) -> None:
        for sign, pairs in ((1, bids), (-1, asks)):
            self.prices.extend(sign * units(price) for price, _ in pairs)
            self.amounts.extend(units(amount) for _, amount in pairs)
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
    _before_snapshot: list[Event] = dataclasses.field(default_factory=list)

    def add(self, line: Line) -> None:
        if line.snapshot_id:
            if not self.depth.ts_ms:  # a later snapshot tells nothing the updates do not
                self.depth.add(0, line.snapshot_id, line.bids, line.asks)
                for event in self._before_snapshot:
                    self._add_depth(event)
        elif line.data is not None and line.data.kind == "trade":
            self._add_trade(line.data)
        elif line.data is not None and line.data.kind == "depthUpdate":
            self._add_depth(line.data)

    def finish(self) -> None:
        """
        Take the updates of a recording without a snapshot, its second half say.

        Its book fills with the levels that change, from the first update on.
        """
        if not self.depth.ts_ms and self._before_snapshot:
            self.depth.add(0, self._before_snapshot[0].first_update - 1, [], [])
            for event in self._before_snapshot:
                self._add_depth(event)

    def _add_trade(self, event: Event) -> None:
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
            raise TapeError(f"trade {event.trade_id} is older than the one before it")
        self.trade_ts_ms.append(event.trade_ms)
        self.prices.append(units(event.price))
        self.amounts.append(units(event.amount))
        self.taker_sells.append(event.buyer_is_maker)

    def _add_depth(self, event: Event) -> None:
        if not self.depth.ts_ms:  # Binance's rule: keep what comes before the snapshot,
            self._before_snapshot.append(event)
            return
        if event.last_update <= self.depth.update_ids[-1]:  # then drop what it already holds
            return
        expected = self.depth.update_ids[-1] + 1
        if event.first_update > expected:
            raise TapeError(f"expected depth update {expected} next, found {event.first_update}")
        if isinstance(event.bids, str) or isinstance(event.asks, str):
            raise TapeError("a depth update without lists of levels")
        self.depth.add(event.event_ms, event.last_update, event.bids, event.asks)


def units(text: str) -> int:
    """Return a decimal with eight places, "61837.63000000", as an integer of 1e-8."""
    whole, _, places = text.partition(".")
    if len(places) != 8:
        raise TapeError(f"expected a number with eight decimals, found {text!r}")
    return int(whole + places)
