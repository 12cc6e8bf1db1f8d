"""What leaves the fold: points of InfluxDB, rows of PostgreSQL."""

from typing import NamedTuple

Values = dict[str, float | None]


class PricePoint(NamedTuple):
    """
    The KPIs of one snapshot: a point of `crypto_prices`, a row of PostgreSQL's table of that name.

    (exchange, symbol, ts_ms) is its identity; `values` has every name of the registry.
    """

    exchange: str
    symbol: str
    ts_ms: int
    values: Values


class SecondPoint(NamedTuple):
    """
    The trades of one second: a point of `crypto_trades`; ts_ms is the second's start.

    `values`: open high low close volume quote_volume trades buy_volume vwap.
    """

    exchange: str
    symbol: str
    ts_ms: int
    values: Values


class CandlePoint(NamedTuple):
    """
    A closed minute: a point of `crypto_candles`; ts_ms is the minute's start.

    `values`: open high low close volume quote_volume trades vwap session_vwap macd macd_signal
    macd_hist; vwap is the minute's own, session_vwap that of the UTC day up to its end.
    """

    exchange: str
    symbol: str
    ts_ms: int
    values: Values


class LastTradePoint(NamedTuple):
    """
    A trade of a second that is not over: a point of `crypto_last_trade`; ts_ms is its start.

    `values`: price. For who cannot wait until the second's bar is final. The next trade of the
    second takes its place.
    """

    exchange: str
    symbol: str
    ts_ms: int
    values: Values


type Point = PricePoint | SecondPoint | CandlePoint | LastTradePoint
