"""The UTC day so far: volume-weighted price, high, low and first price, by event time."""

from dataclasses import dataclass, field, replace

from include.kpis.records import MINUTE_MS, Candle
from include.kpis.vwap import vwap

DAY_MS = 86_400_000
# Minutes whose candle may still come. Usually there are one or two; where candles stay away, the
# oldest trades stand for themselves, so that memory is bounded.
MOST_OPEN = 12


@dataclass(slots=True)
class Traded:
    """
    What was traded in a span of time.

    The sums are compensated (Neumaier 1974): *amount* and *notional* are what was summed, the
    fields `_lost` what rounding took from it. All terms are positive.

    Attributes:
        amount: Base currency.
        notional: Quote currency.
        open: Price of the first trade; None if there was none, as for high and low.
    """

    amount: float = 0.0
    amount_lost: float = 0.0
    notional: float = 0.0
    notional_lost: float = 0.0
    open: float | None = None
    high: float | None = None
    low: float | None = None

    @property
    def vwap(self) -> float | None:
        """The volume-weighted price; None if nothing was traded."""
        total = self.amount + self.amount_lost
        return vwap(self.notional + self.notional_lost, total, self.low, self.high)

    def add(self, amount: float, notional: float, first: float, high: float, low: float) -> None:
        """Add later trades."""
        old, new = self.amount, self.amount + amount
        self.amount_lost += (old - new) + amount if old >= amount else (amount - new) + old
        self.amount = new
        old, new = self.notional, self.notional + notional
        self.notional_lost += (old - new) + notional if old >= notional else (notional - new) + old
        self.notional = new
        if self.open is None:
            self.open = first
        if self.high is None or high > self.high:
            self.high = high
        if self.low is None or low < self.low:
            self.low = low

    def copy(self) -> "Traded":
        """Return the same; `dataclasses.replace` takes six times as long, at every snapshot."""
        return Traded(
            self.amount,
            self.amount_lost,
            self.notional,
            self.notional_lost,
            self.open,
            self.high,
            self.low,
        )

    def include(self, later: "Traded") -> None:
        """Add what was traded later."""
        if later.open is not None and later.high is not None and later.low is not None:
            self.add(later.amount, later.notional, later.open, later.high, later.low)
            self.amount_lost += later.amount_lost
            self.notional_lost += later.notional_lost


@dataclass(slots=True)
class Session:
    """
    One market's session: closed candles, plus the trades of minutes that have none yet.

    A candle takes the place of the trades of its minute, so that the volume-weighted price is
    trade-exact however the trades were gathered. What belongs to an earlier day is ignored.

    Attributes:
        day_ms: Start of the day; the session is [day_ms, day_ms + 24 h).
        closed: Sums of the day's closed minutes.
        minutes: Trades of minutes without a candle, by the minute's start; MOST_OPEN at most.
        closed_until_ms: End of the last closed minute: what comes of an earlier one is in `closed`.
    """

    day_ms: int = 0
    closed: Traded = field(default_factory=Traded)
    minutes: dict[int, Traded] = field(default_factory=dict)
    closed_until_ms: int = 0

    def trade(self, ts_ms: int, price: float, amount: float) -> None:
        """Take a trade; one of a minute that is closed already changes nothing."""
        if ts_ms < self.closed_until_ms or ts_ms < self.day_ms:
            return
        minute_ms = ts_ms - ts_ms % MINUTE_MS
        traded = self.minutes.get(minute_ms)
        if traded is None:
            traded = self.minutes[minute_ms] = Traded()
        traded.add(amount, price * amount, price, price, price)
        if len(self.minutes) > MOST_OPEN:
            self._close_minutes(before_ms=min(self.minutes) + MINUTE_MS)

    def candle(self, candle: Candle) -> None:
        """Take the next closed candle in the place of its minute's trades."""
        open_ms = candle.open_ts_ms
        is_known = open_ms < self.closed_until_ms  # its trades stood in for it
        self._close_minutes(before_ms=open_ms)
        trades = self.minutes.pop(open_ms, None)
        self._enter_day_of(open_ms)
        if is_known:
            return
        self.closed_until_ms = open_ms + MINUTE_MS
        if candle.volume > 0:
            self.closed.include(_of_candle(candle, trades))

    def so_far(self, now_ms: int) -> Traded:
        """Return what was traded on the UTC day of *now_ms*, as far as is known."""
        day_ms = now_ms - now_ms % DAY_MS
        total = self.closed.copy() if day_ms == self.day_ms else Traded()
        for minute_ms in sorted(self.minutes):
            if day_ms <= minute_ms < day_ms + DAY_MS:
                total.include(self.minutes[minute_ms])
        return total

    def vwap_after(self, open_ts_ms: int) -> float | None:
        """
        Return the session's vwap at the end of the minute that was closed last.

        None for an earlier one: trades of later minutes stand in the sums already.
        """
        is_last = self.closed_until_ms == open_ts_ms + MINUTE_MS
        return self.closed.vwap if is_last else None

    def _enter_day_of(self, minute_ms: int) -> None:
        day_ms = minute_ms - minute_ms % DAY_MS
        if day_ms > self.day_ms:
            self.day_ms, self.closed = day_ms, Traded()

    def _close_minutes(self, *, before_ms: int) -> None:
        """Let the trades of minutes before *before_ms* stand: no candle will replace them."""
        for minute_ms in sorted(m for m in self.minutes if m < before_ms):
            traded = self.minutes.pop(minute_ms)
            self._enter_day_of(minute_ms)
            if minute_ms >= self.day_ms:
                self.closed.include(traded)
            self.closed_until_ms = minute_ms + MINUTE_MS


def _of_candle(candle: Candle, trades: Traded | None) -> Traded:
    """
    Return what the candle says was traded.

    Without its quote volume: the sums of the trades known of that minute; if there are none, the
    typical price (high + low + close) / 3, the charts' approximation.
    """
    prices = (candle.open, candle.high, candle.low)
    if candle.quote_volume is None and trades is not None:
        return replace(trades, open=candle.open, high=candle.high, low=candle.low)
    notional = candle.quote_volume
    if notional is None:
        notional = (candle.high + candle.low + candle.close) / 3 * candle.volume
    result = Traded()
    result.add(candle.volume, notional, *prices)
    return result
