"""
Binance's spot REST API: aggregate trades by id, klines with quote volume and trade count.

Raw endpoints, because ccxt's unified candles drop quote volume and trade count, and its unified
trades hide how to go on by id. Documented in Binance's spot API documentation, "Market Data".
"""

import json
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from include.errors import Misconfigured, Unavailable
from include.exchange.budget import Budget
from include.exchange.failures import one_line
from include.exchange.rest import RestExchange
from include.exchange.trade_stream import TradeStream, stream_address
from include.kpis.records import MINUTE_MS, Candle, Trade
from include.settings import Settings

# Of a page of trades, weight 4, in ccxt's throttle, where 1 is 0.2; ccxt takes it for half of that.
AGG_TRADES_COST = 0.8


class Binance(RestExchange):
    """
    Everything the pipeline asks of Binance, or of a server shaped like it.

    Attributes:
        page_size: Most rows one answer has.
        window_ms: How much time `trades_since` covers: Binance allows an hour.
    """

    page_size = 1000
    window_ms = 3_600_000

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(name, settings)
        self._last_raw_ids: dict[str, int] = {}
        self._budget = Budget(name)
        if name == "binance":
            self._throttle_agg_trades(self._client)

    def _throttle_agg_trades(self, client: Any) -> None:
        """Have ccxt ask for trades half as often, which is as often as Binance lets it."""
        cost_of = client.calculate_rate_limiter_cost

        def cost(api: Any, method: str, path: str, *rest: Any) -> Any:
            return AGG_TRADES_COST if path == "aggTrades" else cost_of(api, method, path, *rest)

        client.calculate_rate_limiter_cost = cost

    def _note(self, headers: Any) -> None:
        self._budget.note(headers)

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {
            "options": {"defaultType": "spot", "fetchMarkets": {"types": ["spot"]}},
        }
        url = self._settings.exchange_url.rstrip("/")
        if url:
            options["urls"] = {"api": {"public": f"{url}/api/v3"}}
        return options

    async def connect(self, symbols: Sequence[str]) -> None:
        """Load only *symbols*, as `RestExchange.connect`: all of Binance's markets take 18 MB."""
        # ccxt picks its table of spot errors by Binance's own address; ours may be another
        self._client.exceptions["exact"].update(self._client.exceptions["spot"]["exact"])
        ids = json.dumps([symbol.replace("/", "") for symbol in symbols], separators=(",", ":"))
        try:
            await self._call(
                "listing the markets",
                lambda: self._client.load_markets(False, {"symbols": ids}),
            )
        except Misconfigured:  # one of them is unknown; which, only the whole list tells
            self._client.markets_loading = None
            await self._call(
                "listing the markets",
                lambda: self._client.load_markets(True, {"showPermissionSets": "false"}),
            )
        self._check_symbols(symbols)

    async def now_ms(self) -> int:
        """Return the exchange's clock, by which its minutes close."""
        doing = "the exchange's clock"
        answer = await self._call(doing, self._client.publicGetTime)
        return self._parsed(doing, [answer], lambda row: int(row["serverTime"]))[0]

    def trade_stream(self, symbols: Sequence[str]) -> TradeStream:
        """Return the stream of the aggregate trades of *symbols*; connect first."""
        return TradeStream(
            self.name,
            stream_address(self.name, self._settings.exchange_url.rstrip("/")),
            self.gate,
            {self._client.market_id(symbol): symbol for symbol in symbols},
            timeout_s=self._settings.exchange_timeout_s,
        )

    def last_raw_id(self, symbol: str) -> int | None:
        """Return the raw id of the last trade at *symbol*'s last `snapshot`; None: unknown."""
        return self._last_raw_ids.get(symbol)

    def _check_answers(self, symbol: str, ticker: Any, book: Any) -> None:
        super()._check_answers(symbol, ticker, book)
        answer, market_id = ticker["info"], self._client.market_id(symbol)
        if answer.get("symbol") != market_id:
            raise Unavailable(
                f"{self.name}: ticker of {symbol}: expected {market_id}, "
                f"found {one_line(str(answer.get('symbol')))}"
            )
        self._last_raw_ids.pop(symbol, None)
        if str(answer.get("lastId", "")).isdigit():
            self._last_raw_ids[symbol] = int(answer["lastId"])

    async def trades_from(self, symbol: str, first_id: int) -> list[Trade]:
        """Return up to `page_size` aggregate trades, ascending, from id *first_id* on."""
        trades = await self._agg_trades(symbol, {"fromId": first_id})
        if trades and trades[0].trade_id < first_id:
            raise self._unexpected(f"trades of {symbol}", f"id {trades[0].trade_id}", first_id)
        return trades

    async def trades_since(self, symbol: str, since_ms: int) -> list[Trade]:
        """Return up to `page_size` aggregate trades of the hour from *since_ms* on, ascending."""
        window = {"startTime": since_ms, "endTime": since_ms + self.window_ms - 1}
        return await self._agg_trades(symbol, window)

    async def candles(self, symbol: str, from_ms: int, until_ms: int) -> list[Candle]:
        """
        Return up to `page_size` one-minute candles opening in [from_ms, until_ms), ascending.

        Ask only for minutes that are over: the open one would be returned as it stands.
        """
        query = {
            "symbol": self._client.market_id(symbol),
            "interval": "1m",
            "startTime": from_ms,
            "endTime": until_ms - 1,
            "limit": self.page_size,
        }
        doing = f"candles of {symbol}"
        rows = await self._call(doing, lambda: self._client.publicGetKlines(query))
        recv_ts_ms = time.time_ns() // 1_000_000
        candles = self._parsed(doing, rows, lambda row: _candle(self.name, symbol, recv_ts_ms, row))
        for earlier, later in pairwise(c.open_ts_ms for c in candles):
            if later <= earlier:
                raise self._unexpected(doing, f"minute {later}", earlier + MINUTE_MS)
        return [c for c in candles if from_ms <= c.open_ts_ms < until_ms]

    async def _agg_trades(self, symbol: str, query: dict[str, int]) -> list[Trade]:
        asked = {"symbol": self._client.market_id(symbol), "limit": self.page_size, **query}
        doing = f"trades of {symbol}"
        self._budget.check_history(doing)
        rows = await self._call(doing, lambda: self._client.publicGetAggTrades(asked))
        trades = self._parsed(doing, rows, _trade)
        for earlier, later in pairwise(t.trade_id for t in trades):
            if later <= earlier:
                raise self._unexpected(doing, f"id {later}", earlier + 1)
        return trades

    def _unexpected(self, doing: str, found: str, least: int) -> Unavailable:
        return Unavailable(f"{self.name}: {doing}: expected {least} or later next, found {found}")

    def _parsed[T](self, doing: str, rows: object, parse: Callable[[Any], T]) -> list[T]:
        try:
            if not isinstance(rows, list):
                raise TypeError(f"a list, found {type(rows).__name__}")
            return [parse(row) for row in rows]
        except (TypeError, KeyError, ValueError, IndexError) as e:
            raise Unavailable(f"{self.name}: {doing}: expected rows of the API, found {e}") from e


def _trade(row: dict[str, Any]) -> Trade:
    return Trade(
        trade_id=int(row["a"]),
        first_id=int(row["f"]),
        last_id=int(row["l"]),
        ts_ms=int(row["T"]),
        price=float(row["p"]),
        amount=float(row["q"]),
        side="sell" if row["m"] else "buy",  # m: the buyer was the maker, so the taker sold
    )


def _candle(exchange: str, symbol: str, recv_ts_ms: int, row: list[Any]) -> Candle:
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
