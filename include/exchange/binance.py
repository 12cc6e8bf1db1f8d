"""
Adapter of Binance's spot REST API: aggregate trades by id, candles with their trade count.

It uses the raw endpoints: ccxt's unified candles lack quote volume and trade count, and its unified
trades cannot be continued by id. See "Market Data" in Binance's spot API documentation.
"""

import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import pairwise
from typing import Any

from include.errors import Misconfigured, Unavailable
from include.exchange.failures import to_one_line
from include.exchange.rate_limit import RateLimitBudget
from include.exchange.rest import RestExchange
from include.exchange.trade_stream import TradeStream, get_stream_address
from include.kpis.records import MINUTE_MS, Candle, Trade
from include.settings import Settings

# A page of trades has weight 4, and ccxt's throttle counts 0.2 for a weight of 1. ccxt itself has
# half of that.
AGG_TRADES_COST = 0.8


class Binance(RestExchange):
    """Requests to Binance, or to a server with the same API."""

    page_size = 1000
    """Maximum rows of a response."""
    window_ms = 3_600_000
    """Time that `trades_since` covers: Binance allows an hour."""

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(name, settings)
        self._last_raw_ids: dict[str, int] = {}
        self._budget = RateLimitBudget(name)
        if name == "binance":
            self._throttle_agg_trades(self._client)

    def _throttle_agg_trades(self, client: Any) -> None:
        """Correct ccxt's cost of a page of trades, so that it keeps Binance's limit."""
        compute_cost = client.calculate_rate_limiter_cost

        def cost(api: Any, method: str, path: str, *rest: Any) -> Any:
            return (
                AGG_TRADES_COST if path == "aggTrades" else compute_cost(api, method, path, *rest)
            )

        client.calculate_rate_limiter_cost = cost

    def _record_headers(self, headers: Any) -> None:
        self._budget.record_headers(headers)

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {
            "options": {"defaultType": "spot", "fetchMarkets": {"types": ["spot"]}},
        }
        url = self._settings.exchange_url.rstrip("/")
        if url:
            options["urls"] = {"api": {"public": f"{url}/api/v3"}}
        return options

    async def connect(self, symbols: Sequence[str]) -> None:
        """Connect as `RestExchange.connect`, with *symbols* only: all markets take 18 MB."""
        # ccxt selects its table of spot errors by Binance's address, which exchange_url replaces
        self._client.exceptions["exact"].update(self._client.exceptions["spot"]["exact"])
        ids = json.dumps([symbol.replace("/", "") for symbol in symbols], separators=(",", ":"))
        try:
            await self._call(
                "listing the markets",
                lambda: self._client.load_markets(False, {"symbols": ids}),
            )
        except Misconfigured:  # a symbol is unknown; only the whole list shows which
            self._client.markets_loading = None
            await self._call(
                "listing the markets",
                lambda: self._client.load_markets(True, {"showPermissionSets": "false"}),
            )
        self._check_symbols(symbols)

    async def now_ms(self) -> int:
        """Request the exchange's time, by which its minutes close."""
        action = "the exchange's clock"
        response = await self._call(action, self._client.publicGetTime)
        return self._parse(action, [response], lambda row: int(row["serverTime"]))[0]

    def trade_stream(self, symbols: Sequence[str]) -> TradeStream:
        """Return the stream of the aggregate trades of *symbols*; call `connect` before."""
        return TradeStream(
            self.name,
            get_stream_address(self.name, self._settings.exchange_url.rstrip("/")),
            self.rate_limit_pause,
            {self._client.market_id(symbol): symbol for symbol in symbols},
            timeout_s=self._settings.exchange_timeout_s,
        )

    def last_raw_id(self, symbol: str) -> int | None:
        """Return the last raw trade id as of *symbol*'s last `snapshot`, or None if unknown."""
        return self._last_raw_ids.get(symbol)

    def _check_responses(self, symbol: str, ticker: Any, book: Any) -> None:
        super()._check_responses(symbol, ticker, book)
        response, market_id = ticker["info"], self._client.market_id(symbol)
        if response.get("symbol") != market_id:
            raise Unavailable(
                f"{self.name}: ticker of {symbol}: expected {market_id}, "
                f"found {to_one_line(str(response.get('symbol')))}"
            )
        self._last_raw_ids.pop(symbol, None)
        if str(response.get("lastId", "")).isdigit():
            self._last_raw_ids[symbol] = int(response["lastId"])

    async def trades_from(self, symbol: str, first_id: int) -> list[Trade]:
        """Request up to `page_size` aggregate trades, ascending, from id *first_id* on."""
        trades = await self._agg_trades(symbol, {"fromId": first_id})
        if trades and trades[0].trade_id < first_id:
            raise self._unexpected(f"trades of {symbol}", f"id {trades[0].trade_id}", first_id)
        return trades

    async def trades_since(self, symbol: str, since_ms: int) -> list[Trade]:
        """Request up to `page_size` aggregate trades of the hour from *since_ms* on, ascending."""
        window = {"startTime": since_ms, "endTime": since_ms + self.window_ms - 1}
        return await self._agg_trades(symbol, window)

    async def trades_between(
        self, symbol: str, from_ms: int, until_ms: int
    ) -> AsyncIterator[list[Trade]]:
        """
        Yield pages of the trades of [from_ms, until_ms), ascending; at most `window_ms` of time.

        The first page is requested by time, later pages by id.

        Raises:
            Unavailable: The exchange did not answer, or its ids do not ascend.
        """
        assert until_ms - from_ms <= self.window_ms
        page = await self.trades_since(symbol, from_ms)
        is_last = len(page) < self.page_size  # a response by time has all of its window
        before = -1
        while page:
            ids = [trade.trade_id for trade in page]
            if ids != sorted(set(ids)) or ids[0] <= before:
                raise Unavailable(f"{self.name}: trades of {symbol}: expected ascending ids")
            before = ids[-1]
            yield [trade for trade in page if from_ms <= trade.ts_ms < until_ms]
            if is_last or page[-1].ts_ms >= until_ms:
                return
            page = await self.trades_from(symbol, before + 1)

    async def candles(self, symbol: str, from_ms: int, until_ms: int) -> list[Candle]:
        """
        Request up to `page_size` one-minute candles opening in [from_ms, until_ms), ascending.

        Request closed minutes only: Binance returns the open minute unfinished.
        """
        query = {
            "symbol": self._client.market_id(symbol),
            "interval": "1m",
            "startTime": from_ms,
            "endTime": until_ms - 1,
            "limit": self.page_size,
        }
        action = f"candles of {symbol}"
        rows = await self._call(action, lambda: self._client.publicGetKlines(query))
        recv_ts_ms = time.time_ns() // 1_000_000
        candles = self._parse(
            action, rows, lambda row: _parse_candle(self.name, symbol, recv_ts_ms, row)
        )
        for earlier, later in pairwise(c.open_ts_ms for c in candles):
            if later <= earlier:
                raise self._unexpected(action, f"minute {later}", earlier + MINUTE_MS)
        return [c for c in candles if from_ms <= c.open_ts_ms < until_ms]

    async def _agg_trades(self, symbol: str, query: dict[str, int]) -> list[Trade]:
        parameters = {"symbol": self._client.market_id(symbol), "limit": self.page_size, **query}
        action = f"trades of {symbol}"
        self._budget.check_history(action)
        rows = await self._call(action, lambda: self._client.publicGetAggTrades(parameters))
        trades = self._parse(action, rows, _parse_trade)
        for earlier, later in pairwise(t.trade_id for t in trades):
            if later <= earlier:
                raise self._unexpected(action, f"id {later}", earlier + 1)
        return trades

    def _unexpected(self, action: str, found: str, minimum: int) -> Unavailable:
        return Unavailable(
            f"{self.name}: {action}: expected {minimum} or later next, found {found}"
        )

    def _parse[T](self, action: str, rows: object, parse: Callable[[Any], T]) -> list[T]:
        try:
            if not isinstance(rows, list):
                raise TypeError(f"a list, found {type(rows).__name__}")
            return [parse(row) for row in rows]
        except (TypeError, KeyError, ValueError, IndexError) as e:
            raise Unavailable(f"{self.name}: {action}: expected rows of the API, found {e}") from e


def _parse_trade(row: dict[str, Any]) -> Trade:
    return Trade(
        trade_id=int(row["a"]),
        first_id=int(row["f"]),
        last_id=int(row["l"]),
        ts_ms=int(row["T"]),
        price=float(row["p"]),
        amount=float(row["q"]),
        side="sell" if row["m"] else "buy",  # m: the buyer was the maker, so the taker sold
    )


def _parse_candle(exchange: str, symbol: str, recv_ts_ms: int, row: list[Any]) -> Candle:
    if int(row[0]) % MINUTE_MS:
        raise ValueError(f"a minute's start, found {row[0]}")
    return Candle(
        exchange,
        symbol,
        open_ts_ms=int(row[0]),
        recv_ts_ms=recv_ts_ms,
        open=float(row[1]),
        high=float(row[2]),
        low=float(row[3]),
        close=float(row[4]),
        volume=float(row[5]),
        quote_volume=float(row[7]),
        trade_count=int(row[8]),
    )
