"""One-second bars of the trades, closed by event time with some patience for late ones."""

from dataclasses import dataclass, field

from include.kpis.points import Values
from include.kpis.records import Trade
from include.kpis.vwap import vwap

SECOND_MS = 1_000
LATENESS_MS = 2_000  # how much later, by event time, a trade may come and still count


@dataclass(slots=True)
class Bar:
    """
    The trades of one second so far.

    Attributes:
        first_id: Lowest trade id; its price is the open. last_id likewise: the close.
    """

    first_id: int
    last_id: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    quote_volume: float
    trades: int
    buy_volume: float

    def values(self) -> Values:
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
            "vwap": vwap(self.quote_volume, self.volume, self.low, self.high),
        }


@dataclass(slots=True)
class SecondBars:
    """
    The open bars of one market.

    Attributes:
        bars: By the second's start; at most those of the allowed lateness and one page of trades.
        watermark_ms: The latest event time seen.
        late: Trades that came after their bar had closed.
    """

    bars: dict[int, Bar] = field(default_factory=dict)
    watermark_ms: int = 0
    late: int = 0

    def trade(self, trade: Trade) -> None:
        """Take a trade into its second; count it as late if those before it closed the bar."""
        trade_id, _, _, ts_ms, price, amount, side = trade
        start_ms = ts_ms - ts_ms % SECOND_MS
        if ts_ms > self.watermark_ms:
            self.watermark_ms = ts_ms
        elif start_ms + SECOND_MS + LATENESS_MS <= self.watermark_ms:
            self.late += 1
            return
        bought = amount if side == "buy" else 0.0
        bar = self.bars.get(start_ms)
        if bar is None:
            self.bars[start_ms] = Bar(
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

    def pass_time(self, event_ms: int) -> list[tuple[int, Bar]]:
        """Move the watermark; return the bars it closes, oldest first, by their start."""
        if event_ms > self.watermark_ms:
            self.watermark_ms = event_ms
        over_ms = self.watermark_ms - SECOND_MS - LATENESS_MS
        closed = [start for start in self.bars if start <= over_ms]
        if len(closed) > 1:
            closed.sort()
        return [(start, self.bars.pop(start)) for start in closed]
