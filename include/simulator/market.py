"""What the server needs of a market, generated or recorded."""

from typing import NamedTuple, Protocol

from include.simulator.clock import Clock
from include.simulator.symbols import Symbol
from include.simulator.trades import TradeHour


class Book(NamedTuple):
    """Levels as (price in ticks, lots), best first."""

    last_update_id: int
    bids: list[tuple[int, int]]
    asks: list[tuple[int, int]]


class Market(Protocol):
    """
    All trades of some symbols, whatever the clock says, and their books.

    Hours count from 1970. `History` answers questions about trades and candles.
    """

    @property
    def kind(self) -> str:
        """Return "generated" or "tape"."""
        ...

    @property
    def clock(self) -> Clock: ...

    @property
    def symbols(self) -> tuple[Symbol, ...]: ...

    def opened_ms(self, symbol: Symbol) -> int:
        """Return the start of the first minute with history."""
        ...

    def opening_price(self, symbol: Symbol) -> int:
        """Return the price, in ticks, before the first trade."""
        ...

    def trade_hour(self, symbol: Symbol, hour: int) -> TradeHour:
        """Return the trades of *hour*, past or to come."""
        ...

    def hour_of(self, symbol: Symbol, trade_id: int) -> int:
        """Return the hour in which the trade of that id falls."""
        ...

    def book(self, symbol: Symbol, levels: int, now_ms: int) -> Book:
        """Return up to *levels* levels a side as of *now_ms*, which never goes back."""
        ...
