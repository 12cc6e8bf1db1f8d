"""What a stream says, as of a moment: trades since the last one, the top of the book, the day."""

from collections.abc import Callable, Mapping
from typing import Protocol

from include.simulator import replies
from include.simulator.history import History
from include.simulator.market import Market
from include.simulator.replies import Json
from include.simulator.symbols import Symbol

MOST_AT_ONCE = 1_000  # trades: what a clock that jumped brings comes in parts
TICKER_EVERY_MS = 1_000


class Feed(Protocol):
    """One stream of one connection."""

    def events(self, now_ms: int) -> list[Json]:
        """Return what there is to say since the last call."""
        ...


class Streams:
    """The streams of one market, by Binance's names."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._history = History(market)
        self._symbols = {symbol.market_id.lower(): symbol for symbol in market.symbols}
        self._kinds: Mapping[str, Callable[[Symbol, int], Feed]] = {
            "aggTrade": self._aggregates,
            "trade": self._raw_trades,
            "bookTicker": lambda symbol, _: _BookTicker(market, symbol),
            "ticker": lambda symbol, _: _DayTicker(market, self._history, symbol),
            **{
                f"depth{levels}{cadence}": self._depth(levels, 100 if cadence else 1_000)
                for levels in (5, 10, 20)
                for cadence in ("", "@100ms")
            },
        }

    def open(self, name: str, now_ms: int) -> Feed | None:
        """
        Return the stream called *name*, "btcusdt@aggTrade", from *now_ms* on.

        None stands for one that never says anything: Binance accepts any name.
        """
        market_id, _, kind = name.partition("@")
        symbol, make = self._symbols.get(market_id), self._kinds.get(kind)
        return make(symbol, now_ms) if symbol and make else None

    def _aggregates(self, symbol: Symbol, now_ms: int) -> Feed:
        return _Trades(self._history, symbol, now_ms, replies.aggregate_trade_events)

    def _raw_trades(self, symbol: Symbol, now_ms: int) -> Feed:
        return _Trades(self._history, symbol, now_ms, replies.raw_trade_events)

    def _depth(self, levels: int, every_ms: int) -> Callable[[Symbol, int], Feed]:
        return lambda symbol, _: _Depth(self._market, symbol, levels, every_ms)


class _Trades:
    def __init__(
        self,
        history: History,
        symbol: Symbol,
        now_ms: int,
        tell: Callable[..., list[Json]],
    ) -> None:
        self._history, self._symbol, self._tell = history, symbol, tell
        self._next_id = history.end_id(symbol, now_ms)

    def events(self, now_ms: int) -> list[Json]:
        end_id = min(self._history.end_id(self._symbol, now_ms), self._next_id + MOST_AT_ONCE)
        if end_id <= self._next_id:
            return []
        found = self._history.trades(self._symbol, self._next_id, end_id, now_ms)
        self._next_id = end_id
        return [event for trade in found for event in self._tell(self._symbol, trade, now_ms)]


class _BookTicker:
    """The best bid and ask, each time they change."""

    def __init__(self, market: Market, symbol: Symbol) -> None:
        self._market, self._symbol = market, symbol
        self._last: Json = {}

    def events(self, now_ms: int) -> list[Json]:
        book = self._market.book(self._symbol, 1, now_ms)
        top = replies.book_ticker(self._symbol, book)
        if top == self._last:
            return []
        self._last = top
        return [replies.book_ticker_event(top, book.last_update_id)]


class _Depth:
    """The best levels, at a fixed pace of the exchange's time."""

    def __init__(self, market: Market, symbol: Symbol, levels: int, every_ms: int) -> None:
        self._market, self._symbol = market, symbol
        self._levels, self._every_ms = levels, every_ms
        self._turn = 0

    def events(self, now_ms: int) -> list[Json]:
        if now_ms // self._every_ms == self._turn:
            return []
        self._turn = now_ms // self._every_ms
        book = self._market.book(self._symbol, self._levels, now_ms)
        return [replies.depth(self._symbol, book)]


class _DayTicker:
    """The rolling 24 hours, once a second of the exchange's time."""

    def __init__(self, market: Market, history: History, symbol: Symbol) -> None:
        self._market, self._history, self._symbol = market, history, symbol
        self._turn = 0

    def events(self, now_ms: int) -> list[Json]:
        if now_ms // TICKER_EVERY_MS == self._turn:
            return []
        self._turn = now_ms // TICKER_EVERY_MS
        stats = self._history.day_stats(self._symbol, now_ms)
        book = self._market.book(self._symbol, 1, now_ms)
        return [replies.day_ticker_event(replies.full_ticker(self._symbol, stats, book), now_ms)]
