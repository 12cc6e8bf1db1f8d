"""Every KPI of `crypto_prices`: name, formula, unit and window."""

from typing import NamedTuple


class Kpi(NamedTuple):
    """One row of the README's table of KPIs."""

    name: str
    formula: str
    unit: str
    """"quote" and "base" are the currencies of the symbol; "1" is a plain ratio."""
    window: str
    """The span of time the KPI covers: DAY, INSTANT, SESSION or MINUTES."""


DAY, INSTANT, SESSION = "rolling 24 h", "instant", "UTC day"
MINUTES = "closed 1-minute candles"

REGISTRY: tuple[Kpi, ...] = (
    Kpi("open", "first price", "quote", DAY),
    Kpi("high", "highest price", "quote", DAY),
    Kpi("low", "lowest price", "quote", DAY),
    Kpi("close", "last price", "quote", INSTANT),
    Kpi("volume", "quote_volume, under its first name", "quote", DAY),
    Kpi("base_volume", "Σ amount", "base", DAY),
    Kpi("quote_volume", "Σ price·amount", "quote", DAY),
    Kpi("price_change_pct", "(close - open) / open · 100", "%", DAY),
    Kpi("price_spread", "ask - bid, from the book", "quote", INSTANT),
    Kpi("daily_range", "high - low", "quote", DAY),
    Kpi("market_depth_ratio", "(top-5 bid size + top-5 ask size) / base_volume", "1", INSTANT),
    Kpi("order_book_imbalance", "(B - A) / (B + A), sizes of the top 5", "[-1, 1]", INSTANT),
    Kpi("turnover_ratio", "quote_volume / base_volume", "quote", DAY),
    Kpi("mid_price", "(bid + ask) / 2", "quote", INSTANT),
    Kpi("spread_bps", "(ask - bid) / mid_price · 10⁴", "bps", INSTANT),
    Kpi("vwap_24h", "quote_volume / base_volume", "quote", DAY),
    Kpi("order_book_imbalance_l1", "(B - A) / (B + A), best level", "[-1, 1]", INSTANT),
    Kpi("microprice", "(bid·Qa + ask·Qb) / (Qa + Qb)", "quote", INSTANT),
    Kpi("depth_bid_base", "Σ size of the top 5 bids", "base", INSTANT),
    Kpi("depth_ask_base", "Σ size of the top 5 asks", "base", INSTANT),
    Kpi("depth_quote_10bps", "Σ price·size within 10 bps of mid_price", "quote", INSTANT),
    Kpi("data_age_ms", "time of receipt - event time", "ms", INSTANT),
    Kpi("vwap", "Σ price·amount / Σ amount, trade-exact", "quote", SESSION),
    Kpi("vwap_deviation_bps", "(close - vwap) / vwap · 10⁴", "bps", SESSION),
    Kpi("price_change_pct_session", "(close - first) / first · 100", "%", SESSION),
    Kpi("session_high", "highest price", "quote", SESSION),
    Kpi("session_low", "lowest price", "quote", SESSION),
    Kpi("macd", "EMA12 - EMA26 of the closes", "quote", MINUTES),
    Kpi("macd_signal", "EMA9 of macd", "quote", MINUTES),
    Kpi("macd_hist", "macd - macd_signal", "quote", MINUTES),
    Kpi("macd_ready", "1 once 250 closed candles are folded", "1", MINUTES),
)

NAMES: tuple[str, ...] = tuple(kpi.name for kpi in REGISTRY)
