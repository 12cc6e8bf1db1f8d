"""
The fold: one market's ordered events in, points out.

Both sinks run it over the same log, so a row in PostgreSQL equals the point in InfluxDB.
Deterministic: no clock, no I/O, nothing remembered but what the events said.
"""

from typing import NamedTuple

from include.kpis.records import Event, Tick
from include.kpis.ticker import Values, measure


class PricePoint(NamedTuple):
    """
    The KPIs of one tick: a point of InfluxDB's `crypto_prices`, a row of PostgreSQL's.

    (exchange, symbol, ts_ms) is its identity; `values` has every name of the registry.
    """

    exchange: str
    symbol: str
    ts_ms: int
    values: Values


class Fold:
    """The KPIs of every market seen."""

    def update(self, event: Event) -> PricePoint | None:
        """Consume the next event of its market; return the point it makes, if any."""
        if isinstance(event, Tick):
            return PricePoint(event.exchange, event.symbol, event.event_ts_ms, measure(event))
        return None
