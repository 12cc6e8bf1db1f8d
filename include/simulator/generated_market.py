"""A market generated from a seed: the same trades at any time, past or future, on any machine."""

import numpy as np

from include.errors import Misconfigured
from include.simulator.cache import BoundedCache
from include.simulator.clock import Clock
from include.simulator.generated_quotes import LISTED_MS, Listing, Quotes, list_symbols
from include.simulator.market import DAY_MS, HOUR_MS, MINUTE_MS, Book, Symbol, TradeHour
from include.simulator.random_numbers import IntArray, make_stream, uniform, wave

DAY_MINUTES = 1440
LISTED_DAY = LISTED_MS // DAY_MS

QUIET_SHARE = 0.02  # of minutes without a trade
QUIET_SPELL_SHARE = 0.004  # of periods of five minutes without a trade
BURST_SHARE = 0.015
BURST_FACTOR = 6.0
ACTIVITY_SHIFT = 21  # 2**21 ms: activity changes over about half an hour

# Each 16 aggregate trades have 21 raw trades, distributed in one of 256 ways.
RUN, RUN_RAW, RUNS = 16, 21, 256


# About 80 MB: a few hours of each of a hundred symbols.
MAX_CACHED_TRADES = 2_000_000
MAX_TRADES_PER_MINUTE = 20_000  # with more, a day's quote volume would not fit 64 bits
SAME_MS_SHARE = 0.2  # of trades in the same millisecond as the previous trade


class TradePlan:
    """
    Minutes and ids of a symbol's trades.

    Every UTC day has the same number of aggregate trades, and every run of 16 aggregates the same
    number of raw trades. Every id is therefore computed without a sum since the listing.
    """

    def __init__(self, seed: int, symbol: str, trades_per_minute: float) -> None:
        self.trades_per_day = max(1, round(trades_per_minute * DAY_MINUTES))
        self._weights, self._moods, self._spells, self._activity, self._runs = (
            make_stream(seed, symbol, name) for name in ("weight", "mood", "spell", "swell", "run")
        )
        self._raw_offsets = _make_raw_offsets(make_stream(seed, symbol, "raw"))
        self._days: BoundedCache[int, IntArray] = BoundedCache(64)

    def minute_ids(self, day: int) -> IntArray:
        """Return the first id of each minute of *day* (since 1970), then of the next day."""
        return self._days.get(day, lambda: self._make_day(day))

    def minute_of(self, trade_id: int) -> int:
        """Return the minute (since 1970) of the trade *trade_id*."""
        day = LISTED_DAY + trade_id // self.trades_per_day
        inside = np.searchsorted(self.minute_ids(day), trade_id, side="right")
        return day * DAY_MINUTES + int(inside) - 1

    def first_raw(self, first_id: int, n: int) -> IntArray:
        """Return the first raw id of *n* aggregates from *first_id*, then of the next one."""
        ids = np.arange(first_id, first_id + n + 1)
        run = ids // RUN
        pattern = (uniform(self._runs, run) * RUNS).astype(np.int64)
        result: IntArray = run * RUN_RAW + self._raw_offsets[pattern, ids % RUN]
        return result

    def _make_day(self, day: int) -> IntArray:
        minute = np.arange(day * DAY_MINUTES, (day + 1) * DAY_MINUTES)
        noon = (minute % DAY_MINUTES) / DAY_MINUTES
        weight = 0.7 + 1.8 * noon * (1.0 - noon)
        weight *= 1.0 + 0.5 * wave(self._activity, minute * MINUTE_MS, ACTIVITY_SHIFT)
        weight *= 0.4 + 1.2 * uniform(self._weights, minute)
        mood = uniform(self._moods, minute)
        weight[mood > 1.0 - BURST_SHARE] *= BURST_FACTOR
        weight[mood < QUIET_SHARE] = 0.0
        weight[uniform(self._spells, minute // 5) < QUIET_SPELL_SHARE] = 0.0
        cumulative = np.concatenate(([0], np.cumsum((weight * 1000).astype(np.int64))))
        first_id = (day - LISTED_DAY) * self.trades_per_day
        result: IntArray = first_id + self.trades_per_day * cumulative // cumulative[-1]
        return result


def _make_raw_offsets(source: int) -> IntArray:
    """Return RUNS ways to distribute RUN_RAW raw trades over RUN aggregates, as running totals."""
    extra = RUN_RAW - RUN
    draws = uniform(source, np.arange(RUNS * extra * 2)).reshape(RUNS, extra, 2)
    counts = np.ones((RUNS, RUN), dtype=np.int64)
    for pattern in range(RUNS):
        position = 0
        for i, (where, again) in enumerate(draws[pattern].tolist()):
            if i == 0 or again < 0.5:
                position = int(where * RUN)
            counts[pattern, position] += 1
    return np.concatenate((np.zeros((RUNS, 1), np.int64), counts.cumsum(axis=1)), axis=1)


class _SymbolTrades:
    """The trades of one symbol, from its plan and its quotes."""

    def __init__(self, seed: int, listing: Listing, trades_per_minute: float) -> None:
        name = listing.symbol.name
        self.plan = TradePlan(seed, name, trades_per_minute)
        self.quotes = Quotes(seed, listing)
        self._trade_lots = listing.trade_lots
        self._max_slip = listing.base_ticks // 100_000
        self._times, self._joins, self._sides, self._slips, self._sizes = (
            make_stream(seed, name, part) for part in ("time", "join", "side", "slip", "lots")
        )

    def make_hour(self, hour: int) -> TradeHour:
        """Make the trades of *hour* (since 1970)."""
        edges = self._edges(hour)
        first_id, n = int(edges[0]), int(edges[-1] - edges[0])
        raw = self.plan.first_raw(first_id, n)
        if n == 0:
            empty = np.zeros(0, dtype=np.int64)
            return TradeHour(first_id, empty, empty, empty, raw, empty.astype(bool))
        ids = np.arange(first_id, first_id + n)
        ts_ms = hour * HOUR_MS + self._offsets_ms(ids, edges)
        best = self.quotes.best(ts_ms)
        sells = uniform(self._sides, ids) > 0.5 + self.quotes.tilt(ts_ms) / 4
        slip = (uniform(self._slips, ids) ** 8 * self._max_slip).astype(np.int64)
        prices = np.where(sells, np.maximum(1, best.bid - slip), best.ask + slip)
        # The eighth power has mean 1/9 and a long tail. Each raw trade has at least one lot.
        extra = (uniform(self._sizes, ids) ** 8 * (9 * self._trade_lots)).astype(np.int64)
        return TradeHour(first_id, ts_ms, prices, np.diff(raw) + extra, raw, sells)

    def _edges(self, hour: int) -> IntArray:
        """Return the first id of each minute of *hour*, then of the next hour."""
        day, inside = divmod(hour * 60, DAY_MINUTES)
        if hour * HOUR_MS < LISTED_MS:
            return np.zeros(61, dtype=np.int64)
        return self.plan.minute_ids(day)[inside : inside + 61]

    def _offsets_ms(self, ids: IntArray, edges: IntArray) -> IntArray:
        """Return the time of each trade within its hour, ascending."""
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
    A market that its seed determines.

    Args:
        clock: The exchange's time. The trades do not depend on it.
        seed: Another seed gives another market.
        symbols: Unified names, such as "BTC/USDT".
        trades_per_minute: Mean number of aggregate trades of a symbol.
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
            MAX_CACHED_TRADES, weigh=lambda hour: len(hour) + 1
        )

    def opened_ms(self, symbol: Symbol) -> int:
        """Return the time of the listing, the same for every symbol."""
        return LISTED_MS

    def opening_price(self, symbol: Symbol) -> int:
        return int(self._trades[symbol].quotes.best(np.array([LISTED_MS])).bid[0])

    def trade_hour(self, symbol: Symbol, hour: int) -> TradeHour:
        return self._hours.get((symbol, hour), lambda: self._trades[symbol].make_hour(hour))

    def hour_of(self, symbol: Symbol, trade_id: int) -> int:
        return self._trades[symbol].plan.minute_of(trade_id) // 60

    def book(self, symbol: Symbol, levels: int, now_ms: int) -> Book:
        return self._trades[symbol].quotes.book(now_ms, levels)
