"""The volume-weighted average price of what was traded."""


def vwap(
    notional: float | None, amount: float, low: float | None, high: float | None
) -> float | None:
    """
    Return notional / amount, quote currency; None if nothing was traded or notional is unknown.

    Rounding may carry the quotient past a price that was paid, by a unit in the last place: it is
    held between *low* and *high*, so that one trade's average is its price.
    """
    if notional is None or low is None or high is None or amount <= 0:
        return None
    average = notional / amount
    if average < low:
        return low
    return high if average > high else average
