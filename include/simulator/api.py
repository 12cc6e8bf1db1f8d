"""Binance's spot market-data endpoints, as functions of parameters and a market."""

from collections.abc import Callable
from typing import Any, NamedTuple

from include.simulator import replies
from include.simulator.history import History
from include.simulator.market import Market
from include.simulator.parameters import Parameters, RefusedError
from include.simulator.symbols import Symbol
from include.simulator.trades import MINUTE_MS

INTERVALS_MS = {
    name: minutes * MINUTE_MS
    for name, minutes in {
        "1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "2h": 120, "4h": 240,
        "6h": 360, "8h": 480, "12h": 720, "1d": 1440,
    }.items()
}  # fmt: skip
MAX_ROWS = 1000
MAX_LEVELS = 5000


class Reply(NamedTuple):
    """What to send, and what it weighs against the caller's limit."""

    payload: Any
    weight: int


class Endpoint(NamedTuple):
    answer: Callable[[Parameters, int], Reply]
    parameters: frozenset[str]


class Api:
    """
    The endpoints of one market.

    Each takes the parameters and the moment of the request; weights are from Binance's REST
    documentation of 2026.
    """

    def __init__(self, market: Market) -> None:
        self._market = market
        self._history = History(market)
        self.symbols = {symbol.market_id: symbol for symbol in market.symbols}
        routes: dict[str, tuple[Callable[[Parameters, int], Reply], str]] = {
            "ping": (self._ping, ""),
            "time": (self._time, ""),
            "exchangeInfo": (
                self._exchange_info,
                "symbol symbols permissions showPermissionSets symbolStatus",
            ),
            "ticker/24hr": (self._day_ticker, "symbol symbols type"),
            "ticker/bookTicker": (self._book_ticker, "symbol symbols"),
            "depth": (self._depth, "symbol limit"),
            "klines": (self._klines, "symbol interval startTime endTime timeZone limit"),
            "aggTrades": (self._agg_trades, "symbol fromId startTime endTime limit"),
            "trades": (self._raw_trades, "symbol limit"),
        }
        self.endpoints = {
            f"/api/v3/{path}": Endpoint(answer, frozenset(names.split()))
            for path, (answer, names) in routes.items()
        }

    def last_trade_ids(self, now_ms: int) -> dict[str, int]:
        """Return the id of each symbol's last trade so far."""
        return {s.name: self._history.end_id(s, now_ms) - 1 for s in self._market.symbols}

    def _ping(self, parameters: Parameters, now_ms: int) -> Reply:
        return Reply({}, 1)

    def _time(self, parameters: Parameters, now_ms: int) -> Reply:
        return Reply({"serverTime": now_ms}, 1)

    def _exchange_info(self, parameters: Parameters, now_ms: int) -> Reply:
        chosen = parameters.some_symbols()
        sets = parameters.text("showPermissionSets") != "false"
        payload = {
            "timezone": "UTC",
            "serverTime": now_ms,
            "rateLimits": [
                {
                    "rateLimitType": "REQUEST_WEIGHT",
                    "interval": "MINUTE",
                    "intervalNum": 1,
                    "limit": 6000,
                }
            ],
            "exchangeFilters": [],
            "symbols": [
                replies.symbol_info(symbol, sets) for symbol in chosen or self._market.symbols
            ],
        }
        return Reply(payload, 20)

    def _day_ticker(self, parameters: Parameters, now_ms: int) -> Reply:
        kind = parameters.text("type") or "FULL"
        if kind not in ("FULL", "MINI"):
            raise RefusedError(-1139, "Invalid ticker type.")

        def ticker(symbol: Symbol) -> replies.Json:
            stats = self._history.day_stats(symbol, now_ms)
            if kind == "MINI":
                return replies.mini_ticker(symbol, stats)
            return replies.full_ticker(symbol, stats, self._market.book(symbol, 1, now_ms))

        return self._for_each(parameters, ticker, one=2, most=80)

    def _book_ticker(self, parameters: Parameters, now_ms: int) -> Reply:
        def ticker(symbol: Symbol) -> replies.Json:
            return replies.book_ticker(symbol, self._market.book(symbol, 1, now_ms))

        return self._for_each(parameters, ticker, one=2, most=4)

    def _for_each(
        self,
        parameters: Parameters,
        make: Callable[[Symbol], replies.Json],
        *,
        one: int,
        most: int,
    ) -> Reply:
        """Answer one object for `symbol`, a list for `symbols` or for neither."""
        chosen = parameters.some_symbols()
        if parameters.text("symbol") and chosen:
            return Reply(make(chosen[0]), one)
        tickers = [make(symbol) for symbol in chosen or self._market.symbols]
        return Reply(tickers, most)

    def _depth(self, parameters: Parameters, now_ms: int) -> Reply:
        symbol, limit = parameters.symbol(), parameters.limit(100, MAX_LEVELS)
        weight = next(
            w for most, w in ((100, 5), (500, 25), (1000, 50), (5000, 250)) if limit <= most
        )
        return Reply(replies.depth(symbol, self._market.book(symbol, limit, now_ms)), weight)

    def _klines(self, parameters: Parameters, now_ms: int) -> Reply:
        symbol, limit = parameters.symbol(), parameters.limit(500, MAX_ROWS)
        interval = parameters.text("interval")
        if not interval:
            raise RefusedError(
                -1102,
                "Mandatory parameter 'interval' was not sent, was empty/null, or malformed.",
            )
        if interval not in INTERVALS_MS:
            raise RefusedError(-1120, "Invalid interval.")
        width_ms = INTERVALS_MS[interval]
        start_ms, end_ms = parameters.integer("startTime"), parameters.integer("endTime")
        end_ms = now_ms if end_ms is None else min(end_ms, now_ms)
        if start_ms is None:
            start_ms = (end_ms // width_ms - limit + 1) * width_ms
        else:
            start_ms = max(start_ms, self._market.opened_ms(symbol) // width_ms * width_ms)
            end_ms = min(end_ms, start_ms + limit * width_ms - 1)
        found = self._history.candles(symbol, width_ms, start_ms, end_ms, now_ms)
        return Reply([replies.kline(symbol, candle, width_ms) for candle in found[:limit]], 2)

    def _agg_trades(self, parameters: Parameters, now_ms: int) -> Reply:
        symbol, limit = parameters.symbol(), parameters.limit(500, MAX_ROWS)
        from_id = parameters.integer("fromId")
        start_ms, end_ms = parameters.integer("startTime"), parameters.integer("endTime")
        if from_id is not None:
            if start_ms is not None or end_ms is not None:
                raise RefusedError(-1128, "Combination of optional parameters invalid.")
            start, end = from_id, from_id + limit
        else:
            end_ms = now_ms if end_ms is None else min(end_ms, now_ms)
            end = self._history.next_id(symbol, end_ms + 1, now_ms)
            start = end - limit
            if start_ms is not None:
                start = self._history.next_id(symbol, start_ms, now_ms)
                end = min(end, start + limit)
        found = self._history.trades(symbol, start, end, now_ms)
        return Reply([replies.aggregate_trade(symbol, trade) for trade in found], 4)

    def _raw_trades(self, parameters: Parameters, now_ms: int) -> Reply:
        symbol, limit = parameters.symbol(), parameters.limit(500, MAX_ROWS)
        end = self._history.end_id(symbol, now_ms)
        found = self._history.trades(symbol, end - limit, end, now_ms)
        raw = [row for trade in found for row in replies.raw_trades(symbol, trade)]
        return Reply(raw[-limit:], 25)
