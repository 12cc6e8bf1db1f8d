"""Every KPI of `crypto_prices`: what it is, its unit and window, and the seed's flaw."""

from typing import NamedTuple


class Kpi(NamedTuple):
    """
    One row of the README's table.

    Attributes:
        unit: "quote" and "base" are the currencies of the symbol; "1" is a plain ratio.
        since_seed: What changed against the project this one grew from; "" if nothing or new.
    """

    name: str
    formula: str
    unit: str
    window: str
    since_seed: str = ""


DAY, INSTANT, SESSION = "rolling 24 h", "instant", "UTC day"
MINUTES = "closed 1-minute candles"
UNROUNDED = "was rounded to 2 decimals"

REGISTRY: tuple[Kpi, ...] = (
    Kpi("open", "first price", "quote", DAY, UNROUNDED),
    Kpi("high", "highest price", "quote", DAY, UNROUNDED),
    Kpi("low", "lowest price", "quote", DAY, UNROUNDED),
    Kpi("close", "last price", "quote", INSTANT, UNROUNDED),
    Kpi("volume", "quote_volume, by the seed's name", "quote", DAY, UNROUNDED),
    Kpi("base_volume", "Σ amount", "base", DAY),
    Kpi("quote_volume", "Σ price·amount", "quote", DAY),
    Kpi("price_change_pct", "(close - open) / open · 100", "%", DAY, UNROUNDED),
    Kpi(
        "price_spread",
        "ask - bid, from the book",
        "quote",
        INSTANT,
        "ticker's, rounded",
    ),
    Kpi("daily_range", "high - low", "quote", DAY, UNROUNDED),
    Kpi(
        "market_depth_ratio",
        "(top-5 bid size + top-5 ask size) / base_volume",
        "1",
        INSTANT,
        "always 0.00",
    ),
    Kpi(
        "order_book_imbalance",
        "(B - A) / (B + A), sizes of the top 5",
        "[-1, 1]",
        INSTANT,
        "divided by base + quote volume: always 0.00",
    ),
    Kpi(
        "turnover_ratio",
        "quote_volume / base_volume",
        "quote",
        DAY,
        "same number as vwap_24h",
    ),
    Kpi("mid_price", "(bid + ask) / 2", "quote", INSTANT),
    Kpi("spread_bps", "(ask - bid) / mid_price · 10⁴", "bps", INSTANT),
    Kpi("vwap_24h", "quote_volume / base_volume", "quote", DAY),
    Kpi("order_book_imbalance_l1", "(B - A) / (B + A), best level", "[-1, 1]", INSTANT),
    Kpi("microprice", "(bid·Qa + ask·Qb) / (Qa + Qb)", "quote", INSTANT),
    Kpi("depth_bid_base", "Σ size of the top 5 bids", "base", INSTANT),
    Kpi("depth_ask_base", "Σ size of the top 5 asks", "base", INSTANT),
    Kpi("depth_quote_10bps", "Σ price·size within 10 bps of mid_price", "quote", INSTANT),
    Kpi("data_age_ms", "received - exchange's time", "ms", INSTANT),
    Kpi(
        "vwap",
        "Σ price·amount / Σ amount, trade-exact",
        "quote",
        SESSION,
        "was the close",
    ),
    Kpi("vwap_deviation_bps", "(close - vwap) / vwap · 10⁴", "bps", SESSION),
    Kpi("price_change_pct_session", "(close - first) / first · 100", "%", SESSION),
    Kpi("session_high", "highest price", "quote", SESSION),
    Kpi("session_low", "lowest price", "quote", SESSION),
    Kpi(
        "macd",
        "EMA12 - EMA26 of the closes",
        "quote",
        MINUTES,
        "promised, never computed",
    ),
    Kpi("macd_signal", "EMA9 of macd", "quote", MINUTES, "promised, never computed"),
    Kpi("macd_hist", "macd - macd_signal", "quote", MINUTES, "promised, never computed"),
    Kpi("macd_ready", "1 once 250 closed candles are behind it", "1", MINUTES),
)

NAMES: tuple[str, ...] = tuple(kpi.name for kpi in REGISTRY)
