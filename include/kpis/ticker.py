"""The KPIs that one snapshot suffices for."""

from include.kpis.book import Top, imbalance, microprice, notional_within_bps, top
from include.kpis.points import Values
from include.kpis.records import MarketSnapshot


def measure(snapshot: MarketSnapshot) -> Values:
    """
    Return every KPI of one snapshot by name; None where it has no value, never an invented number.

    Formulas, units and windows: `include.kpis.registry`.
    """
    quote = top(snapshot.bids, snapshot.asks)
    mid = mid_price(quote)
    spread = quote.ask - quote.bid if mid is not None else None  # type: ignore[operator]
    vwap_24h = ratio(snapshot.quote_volume, snapshot.base_volume)
    return {
        "open": snapshot.open,
        "high": snapshot.high,
        "low": snapshot.low,
        "close": snapshot.close,
        "volume": snapshot.quote_volume,
        "base_volume": snapshot.base_volume,
        "quote_volume": snapshot.quote_volume,
        "price_change_pct": change_pct(snapshot.open, snapshot.close),
        "price_spread": spread,
        "daily_range": difference(snapshot.high, snapshot.low),
        "market_depth_ratio": ratio(quote.bid_depth + quote.ask_depth, snapshot.base_volume),
        "order_book_imbalance": imbalance(quote.bid_depth, quote.ask_depth),
        "turnover_ratio": vwap_24h,
        "mid_price": mid,
        "spread_bps": spread / mid * 1e4 if mid is not None and spread is not None else None,
        "vwap_24h": vwap_24h,
        "order_book_imbalance_l1": imbalance(quote.bid_amount, quote.ask_amount),
        "microprice": microprice(quote) if quote.is_sound else None,
        "depth_bid_base": quote.bid_depth,
        "depth_ask_base": quote.ask_depth,
        "depth_quote_10bps": notional_within_bps(snapshot.bids, snapshot.asks, mid, 10),
        "data_age_ms": float(snapshot.recv_ts_ms - snapshot.event_ts_ms),
    }


def mid_price(quote: Top) -> float | None:
    """Return (bid + ask) / 2; None if the book is one-sided, locked or crossed."""
    if not quote.is_sound or quote.bid is None or quote.ask is None:
        return None
    return (quote.bid + quote.ask) / 2


def change_pct(start: float | None, end: float) -> float | None:
    """Return the change from *start* in percent; None if there is no positive start."""
    return (end - start) / start * 100 if start is not None and start > 0 else None


def ratio(part: float | None, whole: float | None) -> float | None:
    """Return part / whole; None if either is missing or the whole is 0."""
    return part / whole if part is not None and whole is not None and whole > 0 else None


def difference(a: float | None, b: float | None) -> float | None:
    """Return a - b; None if either is missing."""
    return a - b if a is not None and b is not None else None
