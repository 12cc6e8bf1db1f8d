"""A market made from a seed: every trade of every instant, past or to come, the same each time."""

import numpy as np

from include.errors import Misconfigured
from include.simulator.activity import DAY_MINUTES, LISTED_MS, TradePlan
from include.simulator.cache import BoundedCache
from include.simulator.clock import Clock
from include.simulator.listings import Listing, list_symbols
from include.simulator.market import Book
from include.simulator.noise import IntArray, stream, uniform
from include.simulator.quotes import Quotes
from include.simulator.symbols import Symbol
from include.simulator.trades import HOUR_MS, MINUTE_MS, TradeHour

# Keeps about 80 MB of trades, a few hours of each of a hundred symbols; made again when needed.
CACHED_TRADES = 2_000_000
MAX_TRADES_PER_MINUTE = 20_000  # beyond it a day's quote volume would not fit 64 bits
SAME_MS_SHARE = 0.2  # trades in the same millisecond as the one before


class _SymbolTrades:
    """One symbol: its plan, its quotes, and the trades they make."""

    def __init__(self, seed: int, listing: Listing, trades_per_minute: float) -> None:
        name = listing.symbol.name
        self.plan = TradePlan(seed, name, trades_per_minute)
        self.quotes = Quotes(seed, listing)
        self._trade_lots = listing.trade_lots
        self._max_slip = listing.base_ticks // 100_000
        self._times, self._joins, self._sides, self._slips, self._sizes = (
            stream(seed, name, part) for part in ("time", "join", "side", "slip", "lots")
        )

    def hour(self, hour: int) -> TradeHour:
        edges = self._edges(hour)
        first_id, n = int(edges[0]), int(edges[-1] - edges[0])
        raw = self.plan.first_raw(first_id, n)
        if n == 0:
            nothing = np.zeros(0, dtype=np.int64)
            return TradeHour(first_id, nothing, nothing, nothing, raw, nothing.astype(bool))
        ids = np.arange(first_id, first_id + n)
        ts_ms = hour * HOUR_MS + self._offsets_ms(ids, edges)
        top = self.quotes.top(ts_ms)
        sells = uniform(self._sides, ids) > 0.5 + self.quotes.tilt(ts_ms) / 4
        slip = (uniform(self._slips, ids) ** 8 * self._max_slip).astype(np.int64)
        prices = np.where(sells, np.maximum(1, top.bid - slip), top.ask + slip)
        # The eighth power has mean 1/9 and a long tail. Each raw trade holds a lot at least.
        extra = (uniform(self._sizes, ids) ** 8 * (9 * self._trade_lots)).astype(np.int64)
        return TradeHour(first_id, ts_ms, prices, np.diff(raw) + extra, raw, sells)

    def _edges(self, hour: int) -> IntArray:
        """Return the first id of each minute of *hour* and of the next hour."""
        day, inside = divmod(hour * 60, DAY_MINUTES)
        if hour * HOUR_MS < LISTED_MS:
            return np.zeros(61, dtype=np.int64)
        return self.plan.minute_ids(day)[inside : inside + 61]

    def _offsets_ms(self, ids: IntArray, edges: IntArray) -> IntArray:
        """Return when in its hour each trade happens, ascending."""
        minute = np.searchsorted(edges, ids, side="right") - 1
        offsets = np.sort(
            minute * MINUTE_MS + (uniform(self._times, ids) * MINUTE_MS).astype(np.int64)
        )
        joins = uniform(self._joins, ids) < SAME_MS_SHARE
        joins &= np.concatenate(([False], minute[1:] == minute[:-1]))
        result: IntArray = np.maximum.accumulate(np.where(joins, 0, offsets))
        return result


class GeneratedMarket:
    """
    A market that needs nothing but its seed.

    Args:
        clock: What time it is for who asks; the market itself knows no now.
        trades_per_minute: Aggregate trades of a symbol, on average.
    """

    kind = "generated"

    def __init__(
        self, clock: Clock, *, seed: int, symbols: tuple[str, ...], trades_per_minute: float = 90.0
    ) -> None:
        if not 0 < trades_per_minute <= MAX_TRADES_PER_MINUTE:
            raise Misconfigured(
                f"trades per minute: expected more than 0 and at most {MAX_TRADES_PER_MINUTE},"
                f" found {trades_per_minute:g}"
            )
        listings = list_symbols(symbols)
        self.clock = clock
        self.symbols = tuple(listing.symbol for listing in listings)
        self._trades = {
            listing.symbol: _SymbolTrades(seed, listing, trades_per_minute) for listing in listings
        }
        self._hours: BoundedCache[tuple[Symbol, int], TradeHour] = BoundedCache(
            CACHED_TRADES, weigh=lambda hour: len(hour) + 1
        )

    def opened_ms(self, symbol: Symbol) -> int:
        """Return the listing: the same instant for every symbol."""
        return LISTED_MS

    def opening_price(self, symbol: Symbol) -> int:
        return int(self._trades[symbol].quotes.top(np.array([LISTED_MS])).bid[0])

    def trade_hour(self, symbol: Symbol, hour: int) -> TradeHour:
        return self._hours.get((symbol, hour), lambda: self._trades[symbol].hour(hour))

    def hour_of(self, symbol: Symbol, trade_id: int) -> int:
        return self._trades[symbol].plan.minute_of(trade_id) // 60

    def book(self, symbol: Symbol, levels: int, now_ms: int) -> Book:
        return self._trades[symbol].quotes.book(now_ms, levels)
