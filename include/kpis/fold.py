"""
The fold: a partition's ordered events in, points out.

Both sinks run it over the same log, so a row in PostgreSQL equals the point in InfluxDB.
Deterministic: no clock, no I/O, nothing remembered but what the events said.
"""

from collections.abc import Mapping
from typing import Any, Self

from include.kpis.market import MarketFold
from include.kpis.memory import remembered, restored
from include.kpis.points import Point
from include.kpis.records import Candle, Event, Gap, MarketKey, MarketSnapshot, Trades

# Of what `Fold.state` says and means: a change that makes other numbers of the same state, or that
# `resume` cannot read, has another.
STATE_VERSION = 3
State = dict[str, Any]
"""What JSON can hold: saved beside the offset up to which it was folded."""


class Fold:
    """The KPIs of every market of one partition."""

    def __init__(self) -> None:
        self._markets: dict[tuple[str, str], MarketFold] = {}

    def update(self, event: Event) -> list[Point]:
        """Consume the next event; return the points it makes, oldest first."""
        key = event.exchange, event.symbol
        market = self._markets.get(key)
        if market is None:
            market = self._markets[key] = MarketFold()
        match event:
            case Trades():
                return market.trades(event)
            case MarketSnapshot():
                return market.snapshot(event)
            case Candle():
                return market.candle(event)
            case Gap():
                return market.gap(event)

    def late(self) -> int:
        """Return how many trades came after their second had closed, of all markets, ever."""
        return sum(market.seconds.late for market in list(self._markets.values()))

    def repeated(self) -> int:
        """Return how many trades, candles and snapshots had come before, since it was resumed."""
        return sum(market.repeated for market in list(self._markets.values()))

    def state(self) -> State:
        """Return all there is to remember, as what JSON can hold; floats keep every bit."""
        markets = {str(MarketKey(*key)): remembered(m) for key, m in self._markets.items()}
        return {"v": STATE_VERSION, "markets": markets}

    @classmethod
    def resume(cls, state: Mapping[str, Any]) -> Self:
        """
        Return the fold that `state` was taken of.

        Raises:
            ValueError: It was taken by another version.
            LookupError, TypeError, AttributeError: It is no state at all.
        """
        if state.get("v") != STATE_VERSION:
            found = state.get("v", "none")
            raise ValueError(f"expected a state of version {STATE_VERSION}, found {found}")
        fold = cls()
        for name, market in state["markets"].items():
            exchange, _, symbol = name.partition(":")
            fold._markets[exchange, symbol] = restored(market)
        return fold
