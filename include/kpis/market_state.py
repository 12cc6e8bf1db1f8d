"""
State of one market in the KPI engine: session, MACD, one-second bars, and what was already seen.

`to_json` and `from_json` save and restore it with every bit of every float.
"""

import math
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from include.kpis.indicators import Ema, Macd, MacdValues, compute_vwap
from include.kpis.records import (
    MINUTE_MS,
    Candle,
    CandlePoint,
    Gap,
    LastTradePoint,
    MarketSnapshot,
    Point,
    PricePoint,
    SecondPoint,
    Trades,
    Values,
)
from include.kpis.second_bars import SECOND_MS, SecondBar, SecondBars
from include.kpis.session import Session, TradeTotals
from include.kpis.snapshot_kpis import compute_change_pct, compute_snapshot_kpis

# With more missing minutes than this the indicators start over: no value is better than a day of
# flat closes that never were.
MAX_FILLED_MINUTES = 1_500


@dataclass(slots=True)
class MarketState:
    """Everything the engine keeps of one market."""

    session: Session = field(default_factory=Session)
    macd: Macd = field(default_factory=Macd)
    second_bars: SecondBars = field(default_factory=SecondBars)
    last_trade_id: int = -1
    """Id of the last trade; -1 before the first. Trades up to it are repetitions."""
    last_candle_ms: int = -1
    """Start of the last candle; -1 before the first."""
    last_close: float = 0.0
    """Close of the last candle, carried into missing minutes."""
    last_snapshot_ms: int = -1
    """Event time of the last snapshot; -1 before the first."""
    filled_minutes: int = 0
    """Minutes the exchange had no candle for. Cumulative."""
    missing_trades: int = 0
    """Trades the exchange's history lacks. Cumulative."""
    repeated_events: int = 0
    """Trades, candles and snapshots seen before, since this object exists. Not saved."""

    def add_trades(self, batch: Trades) -> list[Point]:
        """
        Fold a batch of trades.

        Returns:
            The second bars it closes, then the newest trade if its bar is still open.
        """
        session_trade, bar_trade = self.session.add_trade, self.second_bars.add_trade
        last_id, latest_ms, newest = self.last_trade_id, 0, None
        for trade in batch.trades:
            trade_id, first_id, _, ts_ms, price, amount, _ = trade
            if trade_id <= last_id:  # seen before
                self.repeated_events += 1
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
        points = self._close_bars(batch.exchange, batch.symbol, latest_ms)
        if newest is not None:
            second_ms = newest.ts_ms - newest.ts_ms % SECOND_MS
            if second_ms in self.second_bars.bars:
                values: Values = {"price": newest.price}
                points.append(LastTradePoint(batch.exchange, batch.symbol, second_ms, values))
        return points

    def add_candle(self, candle: Candle) -> list[Point]:
        """Fold a closed candle; one that is not newer than the last changes nothing."""
        if candle.open_ts_ms <= self.last_candle_ms:
            self.repeated_events += 1
            return []
        self._fill_missing_minutes(candle.open_ts_ms)
        self.session.add_candle(candle)
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
            "vwap": compute_vwap(candle.quote_volume, candle.volume, candle.low, candle.high),
            "session_vwap": self.session.compute_vwap_at_close(candle.open_ts_ms),
            "macd": line,
            "macd_signal": signal,
            "macd_hist": histogram,
        }
        point = CandlePoint(candle.exchange, candle.symbol, candle.open_ts_ms, values)
        end_ms = candle.open_ts_ms + MINUTE_MS
        return [*self._close_bars(candle.exchange, candle.symbol, end_ms), point]

    def add_snapshot(self, snapshot: MarketSnapshot) -> list[Point]:
        """Fold a snapshot; one that is not newer than the last makes no point."""
        if snapshot.event_ts_ms <= self.last_snapshot_ms:
            self.repeated_events += 1
            return []
        self.last_snapshot_ms = snapshot.event_ts_ms
        values = _replace_nonfinite(
            compute_snapshot_kpis(snapshot) | self._compute_session_values(snapshot)
        )
        point = PricePoint(snapshot.exchange, snapshot.symbol, snapshot.event_ts_ms, values)
        return [
            *self._close_bars(snapshot.exchange, snapshot.symbol, snapshot.event_ts_ms),
            point,
        ]

    def add_gap(self, gap: Gap) -> list[Point]:
        """Count the trades that are lost."""
        self.missing_trades += gap.last_id - gap.first_id + 1
        return []

    def to_json(self) -> dict[str, Any]:
        """Return the state as JSON can hold it; dictionaries by number become lists of pairs."""
        state = asdict(self)
        del state["repeated_events"]  # repetitions change nothing that is kept
        state["session"]["minutes"] = list(state["session"]["minutes"].items())
        state["second_bars"]["bars"] = list(state["second_bars"]["bars"].items())
        return state

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Self:
        """Return the market whose `to_json` is *state*."""
        session, macd, second_bars = state["session"], state["macd"], state["second_bars"]
        restored = {
            "session": Session(
                **session
                | {
                    "closed": TradeTotals(**session["closed"]),
                    "minutes": {m: TradeTotals(**totals) for m, totals in session["minutes"]},
                }
            ),
            "macd": Macd(
                fast=Ema(**macd["fast"]),
                slow=Ema(**macd["slow"]),
                signal=Ema(**macd["signal"]),
                values=MacdValues(*macd["values"]),
            ),
            "second_bars": SecondBars(
                **second_bars
                | {"bars": {start: SecondBar(**bar) for start, bar in second_bars["bars"]}}
            ),
        }
        return cls(**state | restored)

    def _compute_session_values(self, snapshot: MarketSnapshot) -> Values:
        totals = self.session.sum_day(snapshot.event_ts_ms)
        average = totals.vwap
        line, signal, histogram = self.macd.values
        return {
            "vwap": average,
            "vwap_deviation_bps": (
                None if average is None else (snapshot.close - average) / average * 1e4
            ),
            "price_change_pct_session": compute_change_pct(totals.open, snapshot.close),
            "session_high": totals.high,
            "session_low": totals.low,
            "macd": line,
            "macd_signal": signal,
            "macd_hist": histogram,
            "macd_ready": float(self.macd.is_ready),
        }

    def _fill_missing_minutes(self, open_ts_ms: int) -> None:
        """Feed the indicators the minutes without a candle before *open_ts_ms*: close carried."""
        if self.last_candle_ms < 0:
            return
        missing = (open_ts_ms - self.last_candle_ms) // MINUTE_MS - 1
        self.filled_minutes += missing
        if missing > MAX_FILLED_MINUTES:
            self.macd = Macd()
            return
        for _ in range(missing):
            self.macd.update(self.last_close)

    def _close_bars(self, exchange: str, symbol: str, event_ms: int) -> list[Point]:
        closed = self.second_bars.advance_watermark(event_ms)
        return [SecondPoint(exchange, symbol, start, bar.to_values()) for start, bar in closed]


def _replace_nonfinite(values: Values) -> Values:
    """Replace NaN and infinities with None. They are rare: usually return `values` unchanged."""
    if all(map(math.isfinite, filter(None, values.values()))):
        return values
    return {
        name: value if value is None or math.isfinite(value) else None
        for name, value in values.items()
    }
