"""One exchange over REST by ccxt: connected once, called one way, silent while told to be."""

import asyncio
import difflib
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import ccxt.async_support as ccxt

from include.errors import Misconfigured, Unavailable
from include.exchange.failures import RateLimited, named
from include.kpis.records import Level, Tick
from include.settings import Settings

BOOK_LEVELS = 20


class RestExchange:
    """
    Ticker and book of any exchange ccxt speaks to.

    One object per exchange and process: its rate limit and its pauses are shared by all symbols.
    """

    def __init__(self, name: str, settings: Settings) -> None:
        """
        Prepare; nothing is asked before `connect`.

        Raises:
            Misconfigured: ccxt has no such exchange.
        """
        if name not in ccxt.exchanges:
            near = difflib.get_close_matches(name, ccxt.exchanges, n=1)
            hint = f": did you mean {near[0]}?" if near else ""
            raise Misconfigured(f"PIPELINE_MARKETS: ccxt knows no exchange {name!r}{hint}")
        self.name = name
        self._settings = settings
        self._silent_until_s = 0.0
        options = {"enableRateLimit": True, "timeout": int(settings.exchange_timeout_s * 1000)}
        self._client: Any = getattr(ccxt, name)({**options, **self._options()})

    def _options(self) -> dict[str, Any]:
        return {}

    async def connect(self, symbols: Sequence[str]) -> None:
        """
        Load the exchange's markets and check *symbols*.

        Raises:
            Unavailable: No answer: try again.
            Misconfigured: Unknown symbols, all of them in one line, with the near misses.
        """
        await self._call("listing the markets", self._client.load_markets)
        self._check_symbols(symbols)

    def _check_symbols(self, symbols: Sequence[str]) -> None:
        known = self._client.markets or {}
        wrong = [symbol for symbol in symbols if symbol not in known]
        if wrong:
            raise Misconfigured(
                f"PIPELINE_MARKETS: {self.name} has no "
                + ", ".join(_with_near_miss(symbol, list(known)) for symbol in wrong)
            )

    async def tick(self, symbol: str) -> Tick:
        """
        Return ticker and book of now.

        Raises:
            Unavailable: No answer, or one without a price.
        """
        ticker, book = await asyncio.gather(
            self._call(f"ticker of {symbol}", lambda: self._client.fetch_ticker(symbol)),
            self._call(
                f"book of {symbol}", lambda: self._client.fetch_order_book(symbol, BOOK_LEVELS)
            ),
        )
        recv_ts_ms = time.time_ns() // 1_000_000
        if ticker.get("last") is None or ticker.get("timestamp") is None:
            raise Unavailable(f"ticker of {symbol}: {self.name} answered without a price or a time")
        return Tick(
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
            bids=_levels(book["bids"]),
            asks=_levels(book["asks"]),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _call[T](self, doing: str, request: Callable[[], Awaitable[T]]) -> T:
        """Call the exchange once, not before a pause it asked for is over."""
        doing = f"{self.name}: {doing}"
        remaining_s = self._silent_until_s - time.monotonic()
        if remaining_s > 0:
            raise RateLimited(f"{doing}: waiting as told", retry_after_s=remaining_s)
        try:
            return await request()
        except ccxt.BaseError as e:
            error = named(e, doing, self._client.last_response_headers or {})
            if isinstance(error, RateLimited):
                self._silent_until_s = time.monotonic() + (error.retry_after_s or 0.0)
            raise error from e
        except (TypeError, KeyError, ValueError, IndexError, AttributeError) as e:
            # ccxt parses what it is sent: a body of another shape fails inside its parser
            raise Unavailable(f"{doing}: an answer ccxt cannot read ({type(e).__name__})") from e


def _levels(side: Sequence[Sequence[float]]) -> tuple[Level, ...]:
    return tuple(Level(float(level[0]), float(level[1])) for level in side[:BOOK_LEVELS])


def _with_near_miss(symbol: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(symbol, known, n=1)
    return f"{symbol} (did you mean {near[0]}?)" if near else symbol
