"""A market that was: recorded trades and depth, played on a clock of its own."""

from array import array
from pathlib import Path

import numpy as np

from include.simulator.clock import Clock, PacedClock, SteppedClock
from include.simulator.market import Book
from include.simulator.noise import IntArray
from include.simulator.order_book import OrderBook
from include.simulator.recording import Recording, TapeError
from include.simulator.symbols import Symbol
from include.simulator.tape_reader import decimals_needed, read_tapes
from include.simulator.trades import HOUR_MS, MINUTE_MS, TradeHour

QUOTE_ASSETS = ("USDT", "USDC", "FDUSD", "TUSD", "EUR", "TRY", "BTC", "ETH", "BNB")


class TapeMarket:
    """
    One recorded symbol; each raw trade counts as an aggregate (a = t, f = l = t).

    The clock starts once a trade has happened and the book is whole, and stops at the tape's end.

    Args:
        paths: Tapes of one recording, in order.
        speed: Times real time; None moves *step_ms* on at each ticker asked for instead.

    Raises:
        TapeError: The tapes cannot be played.
    """

    kind = "tape"

    def __init__(
        self, paths: tuple[Path, ...], *, speed: float | None = 1.0, step_ms: int = 5_000
    ) -> None:
        recording = read_tapes(paths)
        self._depth = recording.depth
        self._price_decimals = decimals_needed(recording.prices + recording.depth.prices)
        self._lot_decimals = decimals_needed(recording.amounts + recording.depth.amounts)
        self._price_unit = 10 ** (8 - self._price_decimals)
        self._lot_unit = 10 ** (8 - self._lot_decimals)
        name = _unified_name(recording.market_id)
        self.symbols = (Symbol(name, self._price_decimals, self._lot_decimals),)
        self._trades = self._columns(recording)
        self.start_ms = max(recording.trade_ts_ms[0], recording.depth.ts_ms[1])
        self.end_ms = max(recording.trade_ts_ms[-1], recording.depth.ts_ms[-1])
        self.clock: Clock = (
            SteppedClock(self.start_ms, self.end_ms, step_ms)
            if speed is None
            else PacedClock(self.start_ms, self.end_ms, speed)
        )
        self._book = OrderBook()
        self._applied = 0

    def opened_ms(self, symbol: Symbol) -> int:
        """Return the start of the minute of the first trade."""
        return int(self._trades.ts_ms[0]) // MINUTE_MS * MINUTE_MS

    def opening_price(self, symbol: Symbol) -> int:
        """Return the first trade's price: the tape knows none before it."""
        return int(self._trades.price_ticks[0])

    def trade_hour(self, symbol: Symbol, hour: int) -> TradeHour:
        edges = np.searchsorted(self._trades.ts_ms, [hour * HOUR_MS, (hour + 1) * HOUR_MS])
        return self._trades.cut(int(edges[0]), int(edges[1]))

    def hour_of(self, symbol: Symbol, trade_id: int) -> int:
        return int(self._trades.ts_ms[trade_id - self._trades.first_id]) // HOUR_MS

    def book(self, symbol: Symbol, levels: int, now_ms: int) -> Book:
        """Return the book after every update with event time <= *now_ms*."""
        while self._applied < len(self._depth.ts_ms) and self._depth.ts_ms[self._applied] <= now_ms:
            self._apply(self._applied)
            self._applied += 1
        return Book(
            self._book.last_update_id, self._book.bids.best(levels), self._book.asks.best(levels)
        )

    def _apply(self, entry: int) -> None:
        start = self._depth.ends[entry - 1] if entry else 0
        for i in range(start, self._depth.ends[entry]):
            price, amount = self._depth.prices[i], self._depth.amounts[i] // self._lot_unit
            if price > 0:
                self._book.bids.put(price // self._price_unit, amount)
            else:
                self._book.asks.put(-price // self._price_unit, amount)
        self._book.last_update_id = self._depth.update_ids[entry]

    def _columns(self, recording: Recording) -> TradeHour:
        n = len(recording.prices)
        first_id = recording.first_trade_id
        return TradeHour(
            first_id,
            _integers(recording.trade_ts_ms),
            _integers(recording.prices) // self._price_unit,
            _integers(recording.amounts) // self._lot_unit,
            np.arange(first_id, first_id + n + 1),
            np.frombuffer(recording.taker_sells, dtype=np.bool_),
        )


def _integers(values: "array[int]") -> IntArray:
    return np.frombuffer(values, dtype=np.int64)


def _unified_name(market_id: str) -> str:
    """Return "BTC/USDT" for "BTCUSDT"."""
    for quote in QUOTE_ASSETS:
        base = market_id.removesuffix(quote)
        if base and base != market_id:
            return f"{base}/{quote}"
    raise TapeError(
        f"symbol {market_id}: expected a quote currency among {', '.join(QUOTE_ASSETS)}"
    )
