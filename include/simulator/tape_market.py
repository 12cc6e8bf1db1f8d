"""A recorded market: trades and depth of tapes, replayed on a clock of its own."""

from array import array
from bisect import bisect_left, insort
from pathlib import Path

import numpy as np

from include.simulator.clock import Clock, PacedClock, SteppedClock
from include.simulator.market import HOUR_MS, MINUTE_MS, Book, Symbol, TradeHour
from include.simulator.random_numbers import IntArray
from include.simulator.recording import Recording, TapeError, count_decimals, read_tapes

QUOTE_ASSETS = ("USDT", "USDC", "FDUSD", "TUSD", "EUR", "TRY", "BTC", "ETH", "BNB")


class BookSide:
    """
    One side of an order book, in price order.

    Args:
        sign: 1 for asks (lowest price first), -1 for bids (highest price first).
    """

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self._keys: list[int] = []
        self._amounts: dict[int, int] = {}

    def set_level(self, price: int, amount: int) -> None:
        """Set the amount at *price*; 0 removes the level."""
        key = self._sign * price
        exists = key in self._amounts
        if amount:
            self._amounts[key] = amount
            if not exists:
                insort(self._keys, key)
        elif exists:
            del self._amounts[key]
            del self._keys[bisect_left(self._keys, key)]

    def best(self, levels: int) -> list[tuple[int, int]]:
        """Return up to *levels* pairs of price and amount, best first."""
        return [(self._sign * key, self._amounts[key]) for key in self._keys[:levels]]


class OrderBook:
    """Both sides of a book, and the id of the last update applied."""

    def __init__(self) -> None:
        self.last_update_id = 0
        self.bids = BookSide(-1)
        self.asks = BookSide(1)


class TapeMarket:
    """
    The market of one recorded symbol. Each raw trade is served as an aggregate (a = f = l = t).

    The clock starts when a trade has occurred and the book is complete. It stops at the end of the
    tapes.

    Args:
        paths: Tapes of one recording, in order.
        speed: Multiple of real time. None: advance by *step_ms* at each ticker request instead.
        step_ms: Step of a clock without *speed*.

    Raises:
        TapeError: The tapes cannot be replayed.
    """

    kind = "tape"

    def __init__(
        self, paths: tuple[Path, ...], *, speed: float | None = 1.0, step_ms: int = 5_000
    ) -> None:
        recording = read_tapes(paths)
        self._depth = recording.depth
        self._price_decimals = count_decimals(recording.prices + recording.depth.prices)
        self._lot_decimals = count_decimals(recording.amounts + recording.depth.amounts)
        self._price_unit = 10 ** (8 - self._price_decimals)
        self._lot_unit = 10 ** (8 - self._lot_decimals)
        name = _derive_name(recording.market_id)
        self.symbols = (Symbol(name, self._price_decimals, self._lot_decimals),)
        self._trades = self._convert_trades(recording)
        self.start_ms = max(recording.trade_ts_ms[0], recording.depth.ts_ms[1])
        self.end_ms = max(recording.trade_ts_ms[-1], recording.depth.ts_ms[-1])
        self.clock: Clock = (
            SteppedClock(self.start_ms, self.end_ms, step_ms)
            if speed is None
            else PacedClock(self.start_ms, self.end_ms, speed)
        )
        self._book = OrderBook()
        self._next_entry = 0

    def opened_ms(self, symbol: Symbol) -> int:
        """Return the start of the minute of the first trade."""
        return int(self._trades.ts_ms[0]) // MINUTE_MS * MINUTE_MS

    def opening_price(self, symbol: Symbol) -> int:
        """Return the first trade's price, because the tape has none before it."""
        return int(self._trades.price_ticks[0])

    def trade_hour(self, symbol: Symbol, hour: int) -> TradeHour:
        edges = np.searchsorted(self._trades.ts_ms, [hour * HOUR_MS, (hour + 1) * HOUR_MS])
        return self._trades.cut(int(edges[0]), int(edges[1]))

    def hour_of(self, symbol: Symbol, trade_id: int) -> int:
        return int(self._trades.ts_ms[trade_id - self._trades.first_id]) // HOUR_MS

    def book(self, symbol: Symbol, levels: int, now_ms: int) -> Book:
        """Return the book after every update with event time <= *now_ms*."""
        while (
            self._next_entry < len(self._depth.ts_ms)
            and self._depth.ts_ms[self._next_entry] <= now_ms
        ):
            self._apply_entry(self._next_entry)
            self._next_entry += 1
        return Book(
            self._book.last_update_id, self._book.bids.best(levels), self._book.asks.best(levels)
        )

    def _apply_entry(self, entry: int) -> None:
        start = self._depth.ends[entry - 1] if entry else 0
        for i in range(start, self._depth.ends[entry]):
            price, amount = self._depth.prices[i], self._depth.amounts[i] // self._lot_unit
            if price > 0:
                self._book.bids.set_level(price // self._price_unit, amount)
            else:
                self._book.asks.set_level(-price // self._price_unit, amount)
        self._book.last_update_id = self._depth.update_ids[entry]

    def _convert_trades(self, recording: Recording) -> TradeHour:
        n = len(recording.prices)
        first_id = recording.first_trade_id
        return TradeHour(
            first_id,
            _to_array(recording.trade_ts_ms),
            _to_array(recording.prices) // self._price_unit,
            _to_array(recording.amounts) // self._lot_unit,
            np.arange(first_id, first_id + n + 1),
            np.frombuffer(recording.taker_sells, dtype=np.bool_),
        )


def _to_array(values: "array[int]") -> IntArray:
    return np.frombuffer(values, dtype=np.int64)


def _derive_name(market_id: str) -> str:
    """Derive the unified name, such as "BTC/USDT" of "BTCUSDT"."""
    for quote in QUOTE_ASSETS:
        base = market_id.removesuffix(quote)
        if base and base != market_id:
            return f"{base}/{quote}"
    raise TapeError(
        f"symbol {market_id}: expected a quote currency among {', '.join(QUOTE_ASSETS)}"
    )
