"""One-second bars of the trades, closed by event time after the allowed lateness."""

from dataclasses import dataclass, field

from include.kpis.indicators import compute_vwap
from include.kpis.records import Trade, Values

SECOND_MS = 1_000
ALLOWED_LATENESS_MS = 2_000
"""How far behind the newest event time a trade may be and still enter its bar."""


@dataclass(slots=True)
class SecondBar:
    """The trades of one second so far."""

    first_id: int
    """Lowest trade id; its price is the open."""
    last_id: int
    """Highest trade id; its price is the close."""
    open: float
    high: float
    low: float
    close: float
    volume: float
    quote_volume: float
    trades: int
    """Number of aggregate trades."""
    buy_volume: float
    """Base currency that takers bought."""

    def to_values(self) -> Values:
        """Return the fields of a point of `crypto_trades`."""
        return {
            "open": self.open,
            "high": self.high,
            "low": self.low,
            "close": self.close,
            "volume": self.volume,
            "quote_volume": self.quote_volume,
            "trades": float(self.trades),
            "buy_volume": self.buy_volume,
            "vwap": compute_vwap(self.quote_volume, self.volume, self.low, self.high),
        }


@dataclass(slots=True)
class SecondBars:
    """The open bars of one market."""

    bars: dict[int, SecondBar] = field(default_factory=dict)
    """Open bars by the start of their second. The allowed lateness and one page bound them."""
    watermark_ms: int = 0
    """Latest event time seen."""
    late_trades: int = 0
    """Trades that arrived after their bar had closed. Cumulative."""

    def add_trade(self, trade: Trade) -> None:
        """Add a trade to its bar; count it as late if earlier trades have closed that bar."""
        trade_id, _, _, ts_ms, price, amount, side = trade
        start_ms = ts_ms - ts_ms % SECOND_MS
        if ts_ms > self.watermark_ms:
            self.watermark_ms = ts_ms
        elif start_ms + SECOND_MS + ALLOWED_LATENESS_MS <= self.watermark_ms:
            self.late_trades += 1
            return
        bought = amount if side == "buy" else 0.0
        bar = self.bars.get(start_ms)
        if bar is None:
            self.bars[start_ms] = SecondBar(
                trade_id, trade_id, price, price, price, price, amount, price * amount, 1, bought
            )
            return
        if trade_id > bar.last_id:
            bar.last_id, bar.close = trade_id, price
        elif trade_id < bar.first_id:
            bar.first_id, bar.open = trade_id, price
        if price > bar.high:
            bar.high = price
        elif price < bar.low:
            bar.low = price
        bar.volume += amount
        bar.quote_volume += price * amount
        bar.trades += 1
        bar.buy_volume += bought

    def advance_watermark(self, event_ms: int) -> list[tuple[int, SecondBar]]:
        """
        Move the watermark to *event_ms* unless it is ahead, and close the bars it has passed.

        Returns:
            The closed bars with the start of their second, oldest first.
        """
        if event_ms > self.watermark_ms:
            self.watermark_ms = event_ms
        last_start_ms = self.watermark_ms - SECOND_MS - ALLOWED_LATENESS_MS
        closed = [start for start in self.bars if start <= last_start_ms]
        if len(closed) > 1:
            closed.sort()
        return [(start, self.bars.pop(start)) for start in closed]
