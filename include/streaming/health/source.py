"""An exchange as its followers ask it, overheard: what its clock says."""

from include.kpis.records import Candle, MarketSnapshot, Trade
from include.streaming.health.producer import ProducerHealth
from include.streaming.market_feed import MarketSource


class ObservedSource:
    """All that *source* is; the times of its snapshots are noted."""

    def __init__(self, source: MarketSource, health: ProducerHealth) -> None:
        self._source = source
        self._health = health
        self.page_size = source.page_size
        self.window_ms = source.window_ms

    async def snapshot(self, symbol: str) -> MarketSnapshot:
        snapshot = await self._source.snapshot(symbol)
        self._health.exchange_time(snapshot.exchange, snapshot.event_ts_ms)
        return snapshot

    def last_raw_id(self, symbol: str) -> int | None:
        return self._source.last_raw_id(symbol)

    async def trades_from(self, symbol: str, first_id: int) -> list[Trade]:
        return await self._source.trades_from(symbol, first_id)

    async def trades_since(self, symbol: str, since_ms: int) -> list[Trade]:
        return await self._source.trades_since(symbol, since_ms)

    async def candles(self, symbol: str, from_ms: int, until_ms: int) -> list[Candle]:
        return await self._source.candles(symbol, from_ms, until_ms)
