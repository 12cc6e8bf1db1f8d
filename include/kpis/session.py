"""The UTC day so far of one market: volume-weighted price, high, low and first price."""

from dataclasses import dataclass, field, replace

from include.kpis.indicators import compute_vwap
from include.kpis.records import MINUTE_MS, Candle

DAY_MS = 86_400_000
# Minutes whose candle may still arrive, usually one or two. Beyond that number, the trades of the
# oldest minute are final without their candle, so that memory is bounded.
MAX_OPEN_MINUTES = 12


@dataclass(slots=True)
class TradeTotals:
    """
    Sums and prices of the trades of a span of time.

    The sums are compensated (Neumaier 1974). All terms are positive.
    """

    amount: float = 0.0
    """Sum of the amounts, base currency."""
    amount_lost: float = 0.0
    """What rounding removed from *amount*."""
    notional: float = 0.0
    """Sum of price * amount, quote currency."""
    notional_lost: float = 0.0
    """What rounding removed from *notional*."""
    open: float | None = None
    """Price of the first trade; None without a trade."""
    high: float | None = None
    """Highest price; None without a trade."""
    low: float | None = None
    """Lowest price; None without a trade."""

    @property
    def vwap(self) -> float | None:
        """Volume-weighted average price; None if nothing was traded."""
        total = self.amount + self.amount_lost
        return compute_vwap(self.notional + self.notional_lost, total, self.low, self.high)

    def add(self, amount: float, notional: float, first: float, high: float, low: float) -> None:
        """
        Add trades that are later than those in the totals.

        Args:
            amount: Sum of their amounts, base currency.
            notional: Sum of their price * amount, quote currency.
            first: Price of the first of them.
            high: Their highest price.
            low: Their lowest price.
        """
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

    def copy(self) -> "TradeTotals":
        """Return a copy. `dataclasses.replace` takes six times as long, for every snapshot."""
        return TradeTotals(
            self.amount,
            self.amount_lost,
            self.notional,
            self.notional_lost,
            self.open,
            self.high,
            self.low,
        )

    def add_totals(self, later: "TradeTotals") -> None:
        """Add the totals of a later span."""
        if later.open is not None and later.high is not None and later.low is not None:
            self.add(later.amount, later.notional, later.open, later.high, later.low)
            self.amount_lost += later.amount_lost
            self.notional_lost += later.notional_lost


@dataclass(slots=True)
class Session:
    """
    One market's session: closed candles, plus the trades of minutes without a candle so far.

    A candle replaces the trades of its minute. The volume-weighted price is therefore exact to the
    trade, however the trades were batched. Events of an earlier day are ignored.
    """

    day_ms: int = 0
    """Start of the UTC day; the session is [day_ms, day_ms + 24 h)."""
    closed: TradeTotals = field(default_factory=TradeTotals)
    """Totals of the day's closed minutes."""
    minutes: dict[int, TradeTotals] = field(default_factory=dict)
    """Totals of minutes without a candle, by their start; MAX_OPEN_MINUTES at most."""
    closed_until_ms: int = 0
    """End of the last closed minute. *closed* already covers every earlier minute."""

    def add_trade(self, ts_ms: int, price: float, amount: float) -> None:
        """Add a trade; ignore it if its minute is closed or of an earlier day."""
        if ts_ms < self.closed_until_ms or ts_ms < self.day_ms:
            return
        minute_ms = ts_ms - ts_ms % MINUTE_MS
        totals = self.minutes.get(minute_ms)
        if totals is None:
            totals = self.minutes[minute_ms] = TradeTotals()
        totals.add(amount, price * amount, price, price, price)
        if len(self.minutes) > MAX_OPEN_MINUTES:
            self._close_minutes(before_ms=min(self.minutes) + MINUTE_MS)

    def add_candle(self, candle: Candle) -> None:
        """Add the next closed candle; it replaces the trades of its minute."""
        open_ms = candle.open_ts_ms
        is_closed = open_ms < self.closed_until_ms  # its trades were final already
        self._close_minutes(before_ms=open_ms)
        trades = self.minutes.pop(open_ms, None)
        self._enter_day_of(open_ms)
        if is_closed:
            return
        self.closed_until_ms = open_ms + MINUTE_MS
        if candle.volume > 0:
            self.closed.add_totals(_compute_totals(candle, trades))

    def sum_day(self, now_ms: int) -> TradeTotals:
        """Sum the trades known so far of the UTC day that contains *now_ms*."""
        day_ms = now_ms - now_ms % DAY_MS
        total = self.closed.copy() if day_ms == self.day_ms else TradeTotals()
        for minute_ms in sorted(self.minutes):
            if day_ms <= minute_ms < day_ms + DAY_MS:
                total.add_totals(self.minutes[minute_ms])
        return total

    def compute_vwap_at_close(self, open_ts_ms: int) -> float | None:
        """
        Compute the session's VWAP at the end of the minute that started at *open_ts_ms*.

        Return None unless that minute was the last to close: otherwise the sums already contain
        trades of later minutes.
        """
        is_last = self.closed_until_ms == open_ts_ms + MINUTE_MS
        return self.closed.vwap if is_last else None

    def _enter_day_of(self, minute_ms: int) -> None:
        day_ms = minute_ms - minute_ms % DAY_MS
        if day_ms > self.day_ms:
            self.day_ms, self.closed = day_ms, TradeTotals()

    def _close_minutes(self, *, before_ms: int) -> None:
        """Make the trades of minutes before *before_ms* final: no candle will replace them."""
        for minute_ms in sorted(m for m in self.minutes if m < before_ms):
            totals = self.minutes.pop(minute_ms)
            self._enter_day_of(minute_ms)
            if minute_ms >= self.day_ms:
                self.closed.add_totals(totals)
            self.closed_until_ms = minute_ms + MINUTE_MS


def _compute_totals(candle: Candle, trades: TradeTotals | None) -> TradeTotals:
    """
    Compute the totals of a candle's minute.

    Args:
        candle: A candle with a volume.
        trades: Totals of the minute's known trades. They replace the sums if the candle has no
            quote volume. If both are missing, the notional is volume times the typical price,
            (high + low + close) / 3, as charts approximate it.
    """
    prices = (candle.open, candle.high, candle.low)
    if candle.quote_volume is None and trades is not None:
        return replace(trades, open=candle.open, high=candle.high, low=candle.low)
    notional = candle.quote_volume
    if notional is None:
        notional = (candle.high + candle.low + candle.close) / 3 * candle.volume
    totals = TradeTotals()
    totals.add(candle.volume, notional, *prices)
    return totals
