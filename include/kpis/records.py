"""
Records of the KPI engine: market events are its input, points its output.

Prices are in quote currency. Amounts and volumes are in base currency unless the name says quote.
Times are integer milliseconds since the epoch, UTC: `event_ts_ms` is the exchange's clock,
`recv_ts_ms` the clock of the machine that received the event.
"""

from dataclasses import dataclass
from typing import NamedTuple

MINUTE_MS = 60_000


class MarketKey(NamedTuple):
    """One symbol on one exchange. `str` of it is its Kafka key, `binance:BTC/USDT`."""

    exchange: str
    symbol: str

    def __str__(self) -> str:
        return f"{self.exchange}:{self.symbol}"


class Level(NamedTuple):
    """One price level of an order book."""

    price: float
    amount: float


class Trade(NamedTuple):
    """One aggregate trade: consecutive fills of one taker order at one price."""

    trade_id: int
    """The aggregate's id; contiguous per market."""
    first_id: int
    """First raw trade of the aggregate, -1 if the exchange voided it."""
    last_id: int
    """Last raw trade, inclusive, -1 if voided."""
    ts_ms: int
    """Event time."""
    price: float
    amount: float
    side: str
    """The taker's side: "buy" or "sell"."""


@dataclass(frozen=True, slots=True)
class Trades:
    """A batch of one market's trades, ascending by id."""

    exchange: str
    symbol: str
    recv_ts_ms: int
    trades: tuple[Trade, ...]


@dataclass(frozen=True, slots=True)
class MarketSnapshot:
    """Ticker and order book of one market at one moment."""

    exchange: str
    symbol: str
    event_ts_ms: int
    recv_ts_ms: int
    open: float | None
    """First price of the rolling 24 hours."""
    high: float | None
    """Highest price of the rolling 24 hours."""
    low: float | None
    """Lowest price of the rolling 24 hours."""
    close: float
    """Last price."""
    base_volume: float | None
    """Base currency traded in the rolling 24 hours."""
    quote_volume: float | None
    """Quote currency traded in the rolling 24 hours."""
    bids: tuple[Level, ...]
    """Bid levels, best (highest) first."""
    asks: tuple[Level, ...]
    """Ask levels, best (lowest) first."""


@dataclass(frozen=True, slots=True)
class Candle:
    """A closed one-minute candle, as the exchange reported it."""

    exchange: str
    symbol: str
    open_ts_ms: int
    """Start of the minute; the candle covers [open_ts_ms, open_ts_ms + 60 000)."""
    recv_ts_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    quote_volume: float | None
    """None if the exchange does not report it."""
    trade_count: int | None
    """Raw trades in the minute; None if the exchange does not report it."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Trades known to be missing."""

    exchange: str
    symbol: str
    recv_ts_ms: int
    first_id: int
    """First missing aggregate id."""
    last_id: int
    """Last missing aggregate id, inclusive."""
    reason: str
    """Why the exchange's history could not fill the gap."""


type Event = MarketSnapshot | Trades | Candle | Gap

Values = dict[str, float | None]
"""Fields of a point by name. None: the field has no value at that time."""


class PricePoint(NamedTuple):
    """
    The KPIs of one snapshot: a point of `crypto_prices` and a row of PostgreSQL's table.

    (exchange, symbol, ts_ms) identifies it.
    """

    exchange: str
    symbol: str
    ts_ms: int
    """Event time of the snapshot."""
    values: Values
    """Every name of `include.kpis.registry`."""


class SecondPoint(NamedTuple):
    """The trades of one second: a point of `crypto_trades`."""

    exchange: str
    symbol: str
    ts_ms: int
    """Start of the second."""
    values: Values
    """open, high, low, close, volume, quote_volume, trades, buy_volume, vwap."""


class CandlePoint(NamedTuple):
    """One closed minute: a point of `crypto_candles`."""

    exchange: str
    symbol: str
    ts_ms: int
    """Start of the minute."""
    values: Values
    """
    open, high, low, close, volume, quote_volume, trades, vwap, session_vwap, macd, macd_signal,
    macd_hist. vwap is that of the minute, session_vwap that of the UTC day until the minute's end.
    """


class LastTradePoint(NamedTuple):
    """
    The newest price of an open second: a point of `crypto_last_trade`.

    For readers that cannot wait until the second's bar closes. A later trade of the same second
    replaces it.
    """

    exchange: str
    symbol: str
    ts_ms: int
    """Start of the second."""
    values: Values
    """price."""


type Point = PricePoint | SecondPoint | CandlePoint | LastTradePoint
