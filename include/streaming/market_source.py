"""What following a market needs of an exchange; `include.exchange.binance` has it."""

from typing import Protocol

from include.kpis.records import Candle, MarketSnapshot, Trade


class MarketSource(Protocol):
    """
    One exchange's REST API.

    Attributes:
        page_size: So many trades or candles at most come at a time.
        window_ms: So much time at most one call of `trades_since` covers.
    """

    page_size: int
    window_ms: int

    async def snapshot(self, symbol: str) -> MarketSnapshot: ...
    def last_raw_id(self, symbol: str) -> int | None: ...
    async def trades_from(self, symbol: str, first_id: int) -> list[Trade]: ...
    async def trades_since(self, symbol: str, since_ms: int) -> list[Trade]: ...
    async def candles(self, symbol: str, from_ms: int, until_ms: int) -> list[Candle]: ...
