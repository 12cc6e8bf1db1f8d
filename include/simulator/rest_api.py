"""Binance's spot market-data endpoints: query parameters, errors and replies."""

import re
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

import msgspec
from multidict import MultiMapping

from include.simulator import binance_json
from include.simulator.history import History
from include.simulator.market import MINUTE_MS, Market, Symbol

DIGITS = re.compile(r"[0-9]{1,20}")
MARKET_ID = re.compile(r"[A-Z0-9_.-]{1,20}")


INTERVALS_MS = {
    name: minutes * MINUTE_MS
    for name, minutes in {
        "1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "2h": 120, "4h": 240,
        "6h": 360, "8h": 480, "12h": 720, "1d": 1440,
    }.items()
}  # fmt: skip
MAX_ROWS = 1000
MAX_LEVELS = 5000


class ApiError(Exception):
    """
    A request that the exchange rejects.

    Args:
        code: Binance's error code, such as -1121.
        message: Binance's error message.
        status: The HTTP status.
    """

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


class Parameters:
    """
    The parameters of one request.

    Raises:
        ApiError: From every method, if Binance would reject the value.
    """

    def __init__(self, query: MultiMapping[str], symbols: dict[str, Symbol]) -> None:
        self._query = query
        self._symbols = symbols

    def check_names(self, allowed: Collection[str]) -> None:
        """Reject parameters that the endpoint does not have, and repeated parameters."""
        sent = list(self._query)
        if len(set(sent)) < len(sent):
            raise ApiError(-1101, "Duplicate values for a parameter detected.")
        read = [name for name in sent if name in allowed]
        if len(read) < len(sent):
            raise ApiError(
                -1104,
                "Not all sent parameters were read;"
                f" read '{len(read)}' parameter(s) but was sent '{len(sent)}'.",
            )

    def text(self, name: str) -> str | None:
        return self._query.get(name)

    def integer(self, name: str) -> int | None:
        """Return a non-negative integer, or None if it was not sent."""
        value = self._query.get(name)
        if value is None:
            return None
        if not DIGITS.fullmatch(value):
            raise ApiError(
                -1100,
                f"Illegal characters found in parameter '{name}';"
                " legal range is '^[0-9]{1,20}$'.",
            )
        # Limit times to the year 9999.
        return min(int(value), 253_402_300_799_999)

    def limit(self, default: int, maximum: int) -> int:
        """Return the requested number of rows, at most *maximum*."""
        limit = self.integer("limit")
        if limit == 0:
            raise ApiError(-1130, "Data sent for parameter 'limit' is not valid.")
        return min(default if limit is None else limit, maximum)

    def symbol(self) -> Symbol:
        """Return the mandatory parameter `symbol`."""
        value = self._query.get("symbol")
        if not value:
            raise ApiError(
                -1102,
                "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.",
            )
        return self._find(value)

    def optional_symbols(self) -> tuple[Symbol, ...] | None:
        """Return the symbols of `symbol` or `symbols` (a JSON list), or None without either."""
        one, many = self._query.get("symbol"), self._query.get("symbols")
        if one is not None and many is not None:
            raise ApiError(-1128, "Combination of optional parameters invalid.")
        if one is not None:
            return (self.symbol(),)
        if many is None:
            return None
        try:
            names = msgspec.json.decode(many, type=list[str])
        except msgspec.DecodeError as error:
            raise ApiError(
                -1100,
                "Illegal characters found in parameter 'symbols'; legal range is"
                """ '^\\["[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}\\]$'.""",
            ) from error
        return tuple(self._find(name) for name in names)

    def _find(self, market_id: str) -> Symbol:
        if not MARKET_ID.fullmatch(market_id):
            raise ApiError(
                -1100,
                "Illegal characters found in parameter 'symbol'; legal range is"
                " '^[A-Z0-9-_.]{1,20}$'.",
            )
        if market_id not in self._symbols:
            raise ApiError(-1121, "Invalid symbol.")
        return self._symbols[market_id]


class Reply(NamedTuple):
    """The reply to a request."""

    payload: Any
    weight: int
    """Request weight, which counts towards the limit of the minute."""


class Endpoint(NamedTuple):
    """One path of the API."""

    respond: Callable[[Parameters, int], Reply]
    """Make the reply from the parameters and the time of the request."""
    parameters: frozenset[str]
    """Names of the parameters it accepts."""


class RestApi:
    """The endpoints of one market. Weights are from Binance's REST documentation of 2026."""

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
            f"/api/v3/{path}": Endpoint(respond, frozenset(names.split()))
            for path, (respond, names) in routes.items()
        }

    def last_trade_ids(self, now_ms: int) -> dict[str, int]:
        """Return the id of each symbol's last trade up to *now_ms*."""
        return {s.name: self._history.end_id(s, now_ms) - 1 for s in self._market.symbols}

    def _ping(self, parameters: Parameters, now_ms: int) -> Reply:
        return Reply({}, 1)

    def _time(self, parameters: Parameters, now_ms: int) -> Reply:
        return Reply({"serverTime": now_ms}, 1)

    def _exchange_info(self, parameters: Parameters, now_ms: int) -> Reply:
        chosen = parameters.optional_symbols()
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
                binance_json.describe_symbol(symbol, sets)
                for symbol in chosen or self._market.symbols
            ],
        }
        return Reply(payload, 20)

    def _day_ticker(self, parameters: Parameters, now_ms: int) -> Reply:
        kind = parameters.text("type") or "FULL"
        if kind not in ("FULL", "MINI"):
            raise ApiError(-1139, "Invalid ticker type.")

        def ticker(symbol: Symbol) -> binance_json.Json:
            stats = self._history.day_stats(symbol, now_ms)
            if kind == "MINI":
                return binance_json.format_mini_ticker(symbol, stats)
            return binance_json.format_full_ticker(
                symbol, stats, self._market.book(symbol, 1, now_ms)
            )

        return self._for_each(parameters, ticker, one=2, many=80)

    def _book_ticker(self, parameters: Parameters, now_ms: int) -> Reply:
        def ticker(symbol: Symbol) -> binance_json.Json:
            return binance_json.format_book_ticker(symbol, self._market.book(symbol, 1, now_ms))

        return self._for_each(parameters, ticker, one=2, many=4)

    def _for_each(
        self,
        parameters: Parameters,
        make: Callable[[Symbol], binance_json.Json],
        *,
        one: int,
        many: int,
    ) -> Reply:
        """
        Reply with one object for `symbol`, and with a list for `symbols` or without both.

        Args:
            parameters: Those of the request.
            make: Make the object of a symbol.
            one: Weight of one object.
            many: Weight of a list.
        """
        chosen = parameters.optional_symbols()
        if parameters.text("symbol") and chosen:
            return Reply(make(chosen[0]), one)
        tickers = [make(symbol) for symbol in chosen or self._market.symbols]
        return Reply(tickers, many)

    def _depth(self, parameters: Parameters, now_ms: int) -> Reply:
        symbol, limit = parameters.symbol(), parameters.limit(100, MAX_LEVELS)
        weight = next(
            w for levels, w in ((100, 5), (500, 25), (1000, 50), (5000, 250)) if limit <= levels
        )
        return Reply(
            binance_json.format_depth(symbol, self._market.book(symbol, limit, now_ms)), weight
        )

    def _klines(self, parameters: Parameters, now_ms: int) -> Reply:
        symbol, limit = parameters.symbol(), parameters.limit(500, MAX_ROWS)
        interval = parameters.text("interval")
        if not interval:
            raise ApiError(
                -1102,
                "Mandatory parameter 'interval' was not sent, was empty/null, or malformed.",
            )
        if interval not in INTERVALS_MS:
            raise ApiError(-1120, "Invalid interval.")
        width_ms = INTERVALS_MS[interval]
        start_ms, end_ms = parameters.integer("startTime"), parameters.integer("endTime")
        end_ms = now_ms if end_ms is None else min(end_ms, now_ms)
        if start_ms is None:
            start_ms = (end_ms // width_ms - limit + 1) * width_ms
        else:
            start_ms = max(start_ms, self._market.opened_ms(symbol) // width_ms * width_ms)
            end_ms = min(end_ms, start_ms + limit * width_ms - 1)
        found = self._history.candles(symbol, width_ms, start_ms, end_ms, now_ms)
        return Reply(
            [binance_json.format_kline(symbol, candle, width_ms) for candle in found[:limit]], 2
        )

    def _agg_trades(self, parameters: Parameters, now_ms: int) -> Reply:
        symbol, limit = parameters.symbol(), parameters.limit(500, MAX_ROWS)
        from_id = parameters.integer("fromId")
        start_ms, end_ms = parameters.integer("startTime"), parameters.integer("endTime")
        if from_id is not None:
            if start_ms is not None or end_ms is not None:
                raise ApiError(-1128, "Combination of optional parameters invalid.")
            start, end = from_id, from_id + limit
        else:
            end_ms = now_ms if end_ms is None else min(end_ms, now_ms)
            end = self._history.next_id(symbol, end_ms + 1, now_ms)
            start = end - limit
            if start_ms is not None:
                start = self._history.next_id(symbol, start_ms, now_ms)
                end = min(end, start + limit)
        found = self._history.trades(symbol, start, end, now_ms)
        return Reply([binance_json.format_aggregate_trade(symbol, trade) for trade in found], 4)

    def _raw_trades(self, parameters: Parameters, now_ms: int) -> Reply:
        symbol, limit = parameters.symbol(), parameters.limit(500, MAX_ROWS)
        end = self._history.end_id(symbol, now_ms)
        found = self._history.trades(symbol, end - limit, end, now_ms)
        raw = [row for trade in found for row in binance_json.split_raw_trades(symbol, trade)]
        return Reply(raw[-limit:], 25)
