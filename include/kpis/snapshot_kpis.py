"""
KPIs that one market snapshot is enough for: those of its ticker and of its order book.

Formulas, units and windows: `include.kpis.registry`.
"""

from typing import NamedTuple

from include.kpis.records import Level, MarketSnapshot, Values

DEPTH_LEVELS = 5
"""Levels a side that depth and imbalance cover."""


class BookSummary(NamedTuple):
    """Best prices of an order book and the amounts near them."""

    bid: float | None
    """Best bid, quote currency; None if there is no bid."""
    ask: float | None
    """Best ask, quote currency; None if there is no ask."""
    bid_amount: float
    """Amount at the best bid, base currency."""
    ask_amount: float
    """Amount at the best ask, base currency."""
    bid_depth: float
    """Sum of the amounts of the best DEPTH_LEVELS bids, base currency."""
    ask_depth: float
    """Sum of the amounts of the best DEPTH_LEVELS asks, base currency."""
    is_sound: bool
    """Whether both sides exist and bid < ask. Spreads have a meaning only then."""


def compute_snapshot_kpis(snapshot: MarketSnapshot) -> Values:
    """Compute every KPI of one snapshot by name; None if the KPI has no value."""
    book = summarize_book(snapshot.bids, snapshot.asks)
    mid = compute_mid_price(book)
    spread = book.ask - book.bid if mid is not None else None  # type: ignore[operator]  # both exist
    vwap_24h = divide(snapshot.quote_volume, snapshot.base_volume)
    return {
        "open": snapshot.open,
        "high": snapshot.high,
        "low": snapshot.low,
        "close": snapshot.close,
        "volume": snapshot.quote_volume,
        "base_volume": snapshot.base_volume,
        "quote_volume": snapshot.quote_volume,
        "price_change_pct": compute_change_pct(snapshot.open, snapshot.close),
        "price_spread": spread,
        "daily_range": subtract(snapshot.high, snapshot.low),
        "market_depth_ratio": divide(book.bid_depth + book.ask_depth, snapshot.base_volume),
        "order_book_imbalance": compute_imbalance(book.bid_depth, book.ask_depth),
        "turnover_ratio": vwap_24h,
        "mid_price": mid,
        "spread_bps": spread / mid * 1e4 if mid is not None and spread is not None else None,
        "vwap_24h": vwap_24h,
        "order_book_imbalance_l1": compute_imbalance(book.bid_amount, book.ask_amount),
        "microprice": compute_microprice(book) if book.is_sound else None,
        "depth_bid_base": book.bid_depth,
        "depth_ask_base": book.ask_depth,
        "depth_quote_10bps": sum_notional_near_mid(snapshot.bids, snapshot.asks, mid, 10),
        "data_age_ms": float(snapshot.recv_ts_ms - snapshot.event_ts_ms),
    }


def summarize_book(bids: tuple[Level, ...], asks: tuple[Level, ...]) -> BookSummary:
    """Summarize an order book; each side is sorted best first."""
    bid, bid_amount = bids[0] if bids else (None, 0.0)
    ask, ask_amount = asks[0] if asks else (None, 0.0)
    return BookSummary(
        bid,
        ask,
        bid_amount,
        ask_amount,
        sum([amount for _, amount in bids[:DEPTH_LEVELS]]),
        sum([amount for _, amount in asks[:DEPTH_LEVELS]]),
        bid is not None and ask is not None and bid < ask,
    )


def compute_mid_price(book: BookSummary) -> float | None:
    """Compute (bid + ask) / 2. Return None if the book is one-sided, locked or crossed."""
    if not book.is_sound or book.bid is None or book.ask is None:
        return None
    return (book.bid + book.ask) / 2


def compute_imbalance(bid_amount: float, ask_amount: float) -> float | None:
    """
    Compute (B - A) / (B + A), in [-1, 1]. Return None if both amounts are 0.

    Source: Cont, Kukanov, Stoikov 2014, "The price impact of order book events".
    """
    total = bid_amount + ask_amount
    return (bid_amount - ask_amount) / total if total > 0 else None


def compute_microprice(book: BookSummary) -> float | None:
    """
    Compute the mid price weighted by the opposite amounts, quote currency.

    Stoikov 2018 calls it the weighted mid price. Return None if a side is missing or both amounts
    are 0.
    """
    total = book.bid_amount + book.ask_amount
    if book.bid is None or book.ask is None or total <= 0:
        return None
    return (book.bid * book.ask_amount + book.ask * book.bid_amount) / total


def sum_notional_near_mid(
    bids: tuple[Level, ...], asks: tuple[Level, ...], mid: float | None, bps: float
) -> float | None:
    """
    Sum price * amount of the levels within *bps* of *mid*, both sides together.

    Args:
        bids: Best first.
        asks: Best first.
        mid: Mid price; None if the book has none.
        bps: Distance in basis points, inclusive.

    Returns:
        Quote currency, or None without a mid price.
    """
    if mid is None:
        return None
    lowest, highest = mid * (1 - bps / 1e4), mid * (1 + bps / 1e4)
    notional = 0.0
    for price, amount in bids:
        if price < lowest:
            break
        notional += price * amount
    for price, amount in asks:
        if price > highest:
            break
        notional += price * amount
    return notional


def compute_change_pct(start: float | None, end: float) -> float | None:
    """Compute the change from *start* to *end* in percent; None without a positive start."""
    return (end - start) / start * 100 if start is not None and start > 0 else None


def divide(part: float | None, whole: float | None) -> float | None:
    """Return part / whole; None if either is missing or the whole is not positive."""
    return part / whole if part is not None and whole is not None and whole > 0 else None


def subtract(a: float | None, b: float | None) -> float | None:
    """Return a - b; None if either is missing."""
    return a - b if a is not None and b is not None else None
