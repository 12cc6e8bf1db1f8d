"""Base adapter of an exchange over REST by ccxt: connection, calls, rate limits, snapshots."""

import asyncio
import difflib
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import ccxt.async_support as ccxt

from include.errors import Misconfigured, Unavailable
from include.exchange.failures import RateLimited, translate_error
from include.exchange.rate_limit import (
    RATE_LIMIT_STATUSES,
    get_rate_limit_pause,
    parse_retry_after,
)
from include.kpis.records import Level, MarketSnapshot
from include.settings import Settings

BOOK_LEVELS = 20


class RestExchange:
    """
    Snapshots of any exchange that ccxt supports.

    Use one object per exchange and process: all symbols share its rate limit. All objects of a
    process with the same address share the pause that the exchange requests.
    """

    def __init__(self, name: str, settings: Settings) -> None:
        """
        Prepare the client without a request.

        Raises:
            Misconfigured: ccxt has no such exchange.
        """
        if name not in ccxt.exchanges:
            near = difflib.get_close_matches(name, ccxt.exchanges, n=1)
            hint = f": did you mean {near[0]}?" if near else ""
            raise Misconfigured(f"PIPELINE_MARKETS: ccxt has no exchange {name!r}{hint}")
        self.name = name
        self._settings = settings
        self.rate_limit_pause = get_rate_limit_pause(settings.exchange_url or name)
        options = {"enableRateLimit": True, "timeout": int(settings.exchange_timeout_s * 1000)}
        self._client: Any = getattr(ccxt, name)({**options, **self._options()})
        self._enforce_pause(self._client)

    def _options(self) -> dict[str, Any]:
        """Return further options of the ccxt client."""
        return {}

    def _enforce_pause(self, client: Any) -> None:
        """
        Start the pause at the response that requests it, and stop requests that are queued.

        This is done inside ccxt: requests wait in its throttle, and of simultaneous responses it
        keeps only the headers of the last.
        """
        fetch, on_rest_response = client.fetch, client.on_rest_response

        async def guarded_fetch(*args: Any, **options: Any) -> Any:
            self.rate_limit_pause.check(self.name)
            return await fetch(*args, **options)

        def observe_response(
            code: int, reason: str, url: str, method: str, headers: Any, *rest: Any
        ) -> Any:
            self._record_headers(headers)
            if code in RATE_LIMIT_STATUSES:
                self.rate_limit_pause.start(parse_retry_after(headers))
            return on_rest_response(code, reason, url, method, headers, *rest)

        client.fetch, client.on_rest_response = guarded_fetch, observe_response

    def _record_headers(self, headers: Any) -> None:
        """Record what an adapter needs of the headers of a response; by default nothing."""

    async def connect(self, symbols: Sequence[str]) -> None:
        """
        Load the exchange's markets and check *symbols*.

        Raises:
            Unavailable: The exchange did not answer: try again.
            Misconfigured: Some symbols are unknown. The message has all of them in one line, with
                similar names.
        """
        await self._call("listing the markets", self._client.load_markets)
        self._check_symbols(symbols)

    def _check_symbols(self, symbols: Sequence[str]) -> None:
        listed = self._client.markets or {}
        wrong = [symbol for symbol in symbols if symbol not in listed]
        if wrong:
            raise Misconfigured(
                f"PIPELINE_MARKETS: {self.name} has no "
                + ", ".join(_add_similar_name(symbol, list(listed)) for symbol in wrong)
            )

    async def snapshot(self, symbol: str) -> MarketSnapshot:
        """
        Request the current ticker and order book.

        Raises:
            Unavailable: The exchange did not answer, or without a price.
        """
        ticker, book = await asyncio.gather(
            self._call(f"ticker of {symbol}", lambda: self._client.fetch_ticker(symbol)),
            self._call(
                f"book of {symbol}", lambda: self._client.fetch_order_book(symbol, BOOK_LEVELS)
            ),
        )
        recv_ts_ms = time.time_ns() // 1_000_000
        self._check_responses(symbol, ticker, book)
        return MarketSnapshot(
            self.name,
            symbol,
            event_ts_ms=int(ticker["timestamp"]),
            recv_ts_ms=recv_ts_ms,
            open=ticker["open"],
            high=ticker["high"],
            low=ticker["low"],
            close=ticker["last"],
            base_volume=ticker["baseVolume"],
            quote_volume=ticker["quoteVolume"],
            bids=self._levels(symbol, book["bids"]),
            asks=self._levels(symbol, book["asks"]),
        )

    def _check_responses(self, symbol: str, ticker: Any, book: Any) -> None:
        """Raise Unavailable for an empty response, which ccxt parses as an empty ticker or book."""
        if ticker.get("last") is None or ticker.get("timestamp") is None:
            raise Unavailable(f"ticker of {symbol}: {self.name} answered without a price or a time")
        if not book["bids"] and not book["asks"] and book.get("nonce") is None:
            raise Unavailable(f"book of {symbol}: {self.name} answered without a book")

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _call[T](self, action: str, request: Callable[[], Awaitable[T]]) -> T:
        """
        Call the exchange once, unless it requested a pause.

        Args:
            action: The request, for error messages.
            request: Returns the awaitable call of ccxt.

        Raises:
            RateLimited: A pause is active, or the response requested one.
            Unavailable: The call failed, or the response has an unexpected format.
            Misconfigured: A setting must change.
        """
        action = f"{self.name}: {action}"
        self.rate_limit_pause.check(action)
        try:
            return await request()
        except ccxt.BaseError as e:
            error = translate_error(e, action)
            if isinstance(error, RateLimited):
                if not self.rate_limit_pause.remaining_s:  # an error body without a duration
                    self.rate_limit_pause.start(parse_retry_after({}))
                error.retry_after_s = self.rate_limit_pause.remaining_s
            raise error from e
        except (TypeError, KeyError, ValueError, IndexError, AttributeError) as e:
            # a body of another format fails inside ccxt's parser
            raise Unavailable(
                f"{action}: expected a response ccxt can parse, found {type(e).__name__}"
            ) from e

    def _levels(self, symbol: str, side: Sequence[Sequence[float]]) -> tuple[Level, ...]:
        try:
            return tuple(Level(float(level[0]), float(level[1])) for level in side[:BOOK_LEVELS])
        except (TypeError, ValueError, IndexError) as e:
            raise Unavailable(
                f"book of {symbol}: {self.name}: expected levels of numbers, found {e}"
            ) from e


def _add_similar_name(symbol: str, listed: Sequence[str]) -> str:
    near = difflib.get_close_matches(symbol, listed, n=1)
    return f"{symbol} (did you mean {near[0]}?)" if near else symbol
