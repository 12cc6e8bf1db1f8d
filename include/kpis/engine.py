"""
The KPI engine: folds the ordered events of one Kafka partition into points.

The consumer and the drain run the engine over the same log. A row in PostgreSQL therefore equals
the point in InfluxDB. The engine is deterministic: it uses no clock, no I/O, and no state but that
of the events.
"""

from collections.abc import Mapping
from typing import Any, Self

from include.kpis.market_state import MarketState
from include.kpis.records import Candle, Event, Gap, MarketKey, MarketSnapshot, Point, Trades

# Raise it if `resume` cannot read the states of before, or if the same state means other numbers.
STATE_VERSION = 3
State = dict[str, Any]
"""A state as JSON can hold it; stored with the offset of the next event."""


class KpiEngine:
    """The KPIs of every market of one partition."""

    def __init__(self) -> None:
        self._markets: dict[tuple[str, str], MarketState] = {}

    def update(self, event: Event) -> list[Point]:
        """Fold the next event and return the points it makes, oldest first."""
        key = event.exchange, event.symbol
        market = self._markets.get(key)
        if market is None:
            market = self._markets[key] = MarketState()
        match event:
            case Trades():
                return market.add_trades(event)
            case MarketSnapshot():
                return market.add_snapshot(event)
            case Candle():
                return market.add_candle(event)
            case Gap():
                return market.add_gap(event)

    def count_late_trades(self) -> int:
        """Count the trades that arrived after their one-second bar had closed. Cumulative."""
        return sum(market.second_bars.late_trades for market in list(self._markets.values()))

    def count_repeated_events(self) -> int:
        """Count the trades, candles and snapshots seen before, since the engine was resumed."""
        return sum(market.repeated_events for market in list(self._markets.values()))

    def state(self) -> State:
        """Return the complete state as JSON can hold it; floats keep every bit."""
        markets = {str(MarketKey(*key)): m.to_json() for key, m in self._markets.items()}
        return {"v": STATE_VERSION, "markets": markets}

    @classmethod
    def resume(cls, state: Mapping[str, Any]) -> Self:
        """
        Return an engine with the *state* that `state` returned.

        Raises:
            ValueError: The state is of another version.
            LookupError, TypeError, AttributeError: *state* is not a state.
        """
        if state.get("v") != STATE_VERSION:
            found = state.get("v", "none")
            raise ValueError(f"expected a state of version {STATE_VERSION}, found {found}")
        engine = cls()
        for name, market in state["markets"].items():
            exchange, _, symbol = name.partition(":")
            engine._markets[exchange, symbol] = MarketState.from_json(market)
        return engine
