"""
The nouns of the market: what enters the fold.

Prices are in quote currency, amounts and volumes in base currency unless the name says quote.
Times are integer milliseconds since the epoch, UTC: `event_ts_ms` the exchange's, `recv_ts_ms`
ours.
"""

from dataclasses import dataclass
from typing import NamedTuple

MINUTE_MS = 60_000


class MarketKey(NamedTuple):
    """One symbol on one exchange; `str` of it is its Kafka key, `binance:BTC/USDT`."""

    exchange: str
    symbol: str

    def __str__(self) -> str:
        return f"{self.exchange}:{self.symbol}"


class Level(NamedTuple):
    """One price level of an order book."""

    price: float
    amount: float


class Trade(NamedTuple):
    """
    One aggregate trade: consecutive fills of one taker order at one price.

    Attributes:
        trade_id: The aggregate's id; contiguous per market.
        first_id: First raw trade of the aggregate, -1 if the exchange voided it.
        last_id: Last raw trade, inclusive, -1 if voided.
        side: The taker's: "buy" or "sell".
    """

    trade_id: int
    first_id: int
    last_id: int
    ts_ms: int
    price: float
    amount: float
    side: str


@dataclass(frozen=True, slots=True)
class Trades:
    """An ascending batch of one market's trades."""

    exchange: str
    symbol: str
    recv_ts_ms: int
    trades: tuple[Trade, ...]


@dataclass(frozen=True, slots=True)
class MarketSnapshot:
    """
    Ticker and order book of one instant.

    Attributes:
        open: And high, low, close: of the exchange's rolling 24 hours; close is the last price.
        base_volume: And quote_volume: traded in the same 24 hours.
        bids: Best (highest) first.
        asks: Best (lowest) first.
    """

    exchange: str
    symbol: str
    event_ts_ms: int
    recv_ts_ms: int
    open: float | None
    high: float | None
    low: float | None
    close: float
    base_volume: float | None
    quote_volume: float | None
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


@dataclass(frozen=True, slots=True)
class Candle:
    """
    A closed one-minute candle, as the exchange reported it.

    Attributes:
        open_ts_ms: Start of the minute; the candle covers [open_ts_ms, open_ts_ms + 60 000).
        quote_volume: None where the exchange does not say.
        trade_count: Raw trades in the minute; None where the exchange does not say.
    """

    exchange: str
    symbol: str
    open_ts_ms: int
    recv_ts_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    quote_volume: float | None
    trade_count: int | None


@dataclass(frozen=True, slots=True)
class Gap:
    """Trades known to be missing: ids first_id to last_id, inclusive, and why."""

    exchange: str
    symbol: str
    recv_ts_ms: int
    first_id: int
    last_id: int
    reason: str


type Event = MarketSnapshot | Trades | Candle | Gap
