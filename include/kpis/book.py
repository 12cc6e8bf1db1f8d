"""The order book's figures, taken once per snapshot and shared by the KPIs that need them."""

from typing import NamedTuple

from include.kpis.records import Level

DEPTH_LEVELS = 5  # the seed's choice: its depth and imbalance are over the five best levels


class Top(NamedTuple):
    """
    The best prices and the sizes near them; None where a side is empty.

    Attributes:
        bid: And ask: best prices, quote currency.
        bid_amount: And ask_amount: sizes at the best prices, base currency.
        bid_depth: And ask_depth: summed sizes of the five best levels, base currency.
        is_sound: Both sides are there and bid < ask; spreads mean something only then.
    """

    bid: float | None
    ask: float | None
    bid_amount: float
    ask_amount: float
    bid_depth: float
    ask_depth: float
    is_sound: bool


def top(bids: tuple[Level, ...], asks: tuple[Level, ...]) -> Top:
    """Sum up a book whose sides are each sorted best first."""
    bid, bid_amount = bids[0] if bids else (None, 0.0)
    ask, ask_amount = asks[0] if asks else (None, 0.0)
    return Top(
        bid,
        ask,
        bid_amount,
        ask_amount,
        sum([amount for _, amount in bids[:DEPTH_LEVELS]]),
        sum([amount for _, amount in asks[:DEPTH_LEVELS]]),
        bid is not None and ask is not None and bid < ask,
    )


def imbalance(bid_amount: float, ask_amount: float) -> float | None:
    """
    Return (B - A) / (B + A), in [-1, 1]; None if both are 0.

    Source: Cont, Kukanov, Stoikov 2014, "The price impact of order book events".
    """
    total = bid_amount + ask_amount
    return (bid_amount - ask_amount) / total if total > 0 else None


def microprice(quote: Top) -> float | None:
    """
    Return the mid weighted by the opposite sizes, quote currency.

    Stoikov 2018 calls it the weighted mid price; None if a side is missing or both sizes are 0.
    """
    total = quote.bid_amount + quote.ask_amount
    if quote.bid is None or quote.ask is None or total <= 0:
        return None
    return (quote.bid * quote.ask_amount + quote.ask * quote.bid_amount) / total


def notional_within_bps(
    bids: tuple[Level, ...], asks: tuple[Level, ...], mid: float | None, bps: float
) -> float | None:
    """Return the quote currency resting within *bps* of *mid*, both sides together."""
    if mid is None:
        return None
    lowest, highest = mid * (1 - bps / 1e4), mid * (1 + bps / 1e4)
    resting = 0.0
    for price, amount in bids:
        if price < lowest:
            break
        resting += price * amount
    for price, amount in asks:
        if price > highest:
            break
        resting += price * amount
    return resting
