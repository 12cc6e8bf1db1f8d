"""The KPIs of one market: its session, its indicators, its second bars, folded together."""

import math
from dataclasses import dataclass, field

from include.kpis.macd import Macd
from include.kpis.points import CandlePoint, LastTradePoint, Point, PricePoint, SecondPoint, Values
from include.kpis.records import MINUTE_MS, Candle, Gap, MarketSnapshot, Trades
from include.kpis.seconds import SECOND_MS, Bar, SecondBars
from include.kpis.session import Session
from include.kpis.ticker import change_pct, measure
from include.kpis.vwap import vwap

# More missing minutes than that, and the indicators start again: a day of invented flat closes
# would say less than no value.
MOST_FILLED = 1_500


@dataclass(slots=True)
class MarketFold:
    """
    Everything remembered of one market.

    Attributes:
        last_trade_id: Trades up to it are in; what comes again is left out. -1 before the first.
        last_candle_ms: Start of the last candle; -1 before the first.
        last_close: Its close, carried into minutes that are missing.
        last_snapshot_ms: Time of the last snapshot; -1 before the first.
        filled: Minutes the exchange had no candle of.
        missing: Trades the exchange's history lacks.
        repeated: Trades, candles and snapshots that had come before, as far as this object saw.
    """

    session: Session = field(default_factory=Session)
    macd: Macd = field(default_factory=Macd)
    seconds: SecondBars = field(default_factory=SecondBars)
    last_trade_id: int = -1
    last_candle_ms: int = -1
    last_close: float = 0.0
    last_snapshot_ms: int = -1
    filled: int = 0
    missing: int = 0
    repeated: int = 0

    def trades(self, batch: Trades) -> list[Point]:
        """Take a batch of trades; return the bars it closes, and its newest if its bar is open."""
        session_trade, bar_trade = self.session.trade, self.seconds.trade
        last_id, latest_ms, newest = self.last_trade_id, 0, None
        for trade in batch.trades:
            trade_id, first_id, _, ts_ms, price, amount, _ = trade
            if trade_id <= last_id:  # seen before
                self.repeated += 1
                continue
            last_id = trade_id
            if first_id < 0:  # voided by the exchange
                continue
            session_trade(ts_ms, price, amount)
            bar_trade(trade)
            newest = trade
            if ts_ms > latest_ms:
                latest_ms = ts_ms
        self.last_trade_id = last_id
        points = self._closed_bars(batch.exchange, batch.symbol, latest_ms)
        if newest is not None:
            second_ms = newest.ts_ms - newest.ts_ms % SECOND_MS
            if second_ms in self.seconds.bars:
                told: Values = {"price": newest.price}
                points.append(LastTradePoint(batch.exchange, batch.symbol, second_ms, told))
        return points

    def candle(self, candle: Candle) -> list[Point]:
        """Take a closed candle; one that is not newer than the last changes nothing."""
        if candle.open_ts_ms <= self.last_candle_ms:
            self.repeated += 1
            return []
        self._fill_until(candle.open_ts_ms)
        self.session.candle(candle)
        line, signal, histogram = self.macd.update(candle.close)
        self.last_candle_ms, self.last_close = candle.open_ts_ms, candle.close
        values: Values = {
            "open": candle.open,
            "high": candle.high,
            "low": candle.low,
            "close": candle.close,
            "volume": candle.volume,
            "quote_volume": candle.quote_volume,
            "trades": None if candle.trade_count is None else float(candle.trade_count),
            "vwap": vwap(candle.quote_volume, candle.volume, candle.low, candle.high),
            "session_vwap": self.session.vwap_after(candle.open_ts_ms),
            "macd": line,
            "macd_signal": signal,
            "macd_hist": histogram,
        }
        point = CandlePoint(candle.exchange, candle.symbol, candle.open_ts_ms, values)
        end_ms = candle.open_ts_ms + MINUTE_MS
        return [*self._closed_bars(candle.exchange, candle.symbol, end_ms), point]

    def snapshot(self, snapshot: MarketSnapshot) -> list[Point]:
        """Take a snapshot; one that is not newer than the last makes no point."""
        if snapshot.event_ts_ms <= self.last_snapshot_ms:
            self.repeated += 1
            return []
        self.last_snapshot_ms = snapshot.event_ts_ms
        values = _finite(measure(snapshot) | self._session_values(snapshot))
        point = PricePoint(snapshot.exchange, snapshot.symbol, snapshot.event_ts_ms, values)
        return [*self._closed_bars(snapshot.exchange, snapshot.symbol, snapshot.event_ts_ms), point]

    def gap(self, gap: Gap) -> list[Point]:
        """Count trades that cannot be had."""
        self.missing += gap.last_id - gap.first_id + 1
        return []

    def _session_values(self, snapshot: MarketSnapshot) -> Values:
        traded = self.session.so_far(snapshot.event_ts_ms)
        average = traded.vwap
        line, signal, histogram = self.macd.lines
        return {
            "vwap": average,
            "vwap_deviation_bps": (
                None if average is None else (snapshot.close - average) / average * 1e4
            ),
            "price_change_pct_session": change_pct(traded.open, snapshot.close),
            "session_high": traded.high,
            "session_low": traded.low,
            "macd": line,
            "macd_signal": signal,
            "macd_hist": histogram,
            "macd_ready": float(self.macd.is_ready),
        }

    def _fill_until(self, open_ts_ms: int) -> None:
        """Let the indicators see the minutes the exchange has no candle of: close carried, flat."""
        if self.last_candle_ms < 0:
            return
        missing = (open_ts_ms - self.last_candle_ms) // MINUTE_MS - 1
        self.filled += missing
        if missing > MOST_FILLED:
            self.macd = Macd()
            return
        for _ in range(missing):
            self.macd.update(self.last_close)

    def _closed_bars(self, exchange: str, symbol: str, event_ms: int) -> list[Point]:
        closed: list[tuple[int, Bar]] = self.seconds.pass_time(event_ms)
        return [SecondPoint(exchange, symbol, start, bar.values()) for start, bar in closed]


def _finite(values: Values) -> Values:
    """Return *values* with None for what is not finite; hardly ever is there such a one."""
    if all(map(math.isfinite, filter(None, values.values()))):
        return values
    return {
        name: value if value is None or math.isfinite(value) else None
        for name, value in values.items()
    }
