"""The KPIs by the textbook, over whole lists: nothing incremental, sums exact."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate
from math import fsum

from tests.chaos.verifier.exchange import Candle, Trade

SECOND_MS, DAY_MS = 1_000, 86_400_000
FAST, SLOW, SIGNAL = 12, 26, 9

Values = dict[str, float | None]


def second_bars(trades: Sequence[Trade]) -> dict[int, Values]:
    """Return a bar for each second with trades, by its start."""
    of_second = defaultdict(list)
    for trade in trades:
        of_second[trade.ts_ms // SECOND_MS * SECOND_MS].append(trade)
    return {start: _bar(sorted(some)) for start, some in of_second.items()}


def _bar(trades: list[Trade]) -> Values:
    prices = [t.price for t in trades]
    volume = fsum(t.amount for t in trades)
    quote_volume = fsum(t.price * t.amount for t in trades)
    return {
        "open": prices[0],
        "high": max(prices),
        "low": min(prices),
        "close": prices[-1],
        "volume": volume,
        "quote_volume": quote_volume,
        "trades": float(len(trades)),
        "buy_volume": fsum(t.amount for t in trades if t.side == "buy"),
        "vwap": quote_volume / volume,
    }


def ema(values: Sequence[float], length: int) -> list[float | None]:
    """Return the average after each value, seeded with the mean of the first *length*."""
    if len(values) < length:
        return [None] * len(values)
    result = [fsum(values[:length]) / length]
    for value in values[length:]:
        result.append(result[-1] + 2 / (length + 1) * (value - result[-1]))
    return [None] * (length - 1) + result


def macd(closes: Sequence[float]) -> list[tuple[float | None, float | None, float | None]]:
    """Return line, signal and histogram after each close."""
    fast, slow = ema(closes, FAST), ema(closes, SLOW)
    line = [None if f is None or s is None else f - s for f, s in zip(fast, slow, strict=True)]
    cold = min(SLOW - 1, len(line))
    signal = [None] * cold + ema(line[cold:], SIGNAL)
    return [
        (m, s, None if m is None or s is None else m - s) for m, s in zip(line, signal, strict=True)
    ]


def session_vwaps(candles: Sequence[Candle]) -> list[float | None]:
    """Return the average price of the UTC day after each candle."""
    result = []
    day, notional, amount = None, Fraction(0), Fraction(0)
    for candle in candles:
        if candle.open_ts_ms // DAY_MS != day:
            day, notional, amount = candle.open_ts_ms // DAY_MS, Fraction(0), Fraction(0)
        notional += Fraction(candle.quote_volume)
        amount += Fraction(candle.volume)
        result.append(float(notional / amount) if amount else None)
    return result


class OpenMinutes:
    """The session's average price after each trade that follows the closed candles."""

    def __init__(self, candles: Sequence[Candle], trades: Sequence[Trade]) -> None:
        self._candles = candles
        self._opens = [c.open_ts_ms for c in candles]
        self._trades = trades
        self._times = [t.ts_ms for t in trades]

    def vwaps(self, closed_until_ms: int, until_ms: int) -> list[float]:
        """
        Return what the average may be once the candles up to *closed_until_ms* are closed.

        After none, one, two… of the trades that follow, up to *until_ms*.
        """
        day_ms = closed_until_ms // DAY_MS * DAY_MS
        closed = self._candles[
            bisect_left(self._opens, day_ms) : bisect_left(self._opens, closed_until_ms)
        ]
        open_ = self._trades[
            bisect_left(self._times, closed_until_ms) : bisect_left(self._times, until_ms)
        ]
        notional = fsum(c.quote_volume for c in closed)
        amount = fsum(c.volume for c in closed)
        notionals = accumulate((t.price * t.amount for t in open_), initial=notional)
        amounts = accumulate((t.amount for t in open_), initial=amount)
        return [n / a for n, a in zip(notionals, amounts, strict=True) if a]
