"""One exchange over REST by ccxt: connected once, called one way, silent while told to be."""

import asyncio
import difflib
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import ccxt.async_support as ccxt

from include.errors import Misconfigured, Unavailable
from include.exchange.failures import SILENCE_ASKED, RateLimited, named, pause_s
from include.exchange.gate import gate_of
from include.kpis.records import Level, MarketSnapshot
from include.settings import Settings

BOOK_LEVELS = 20


class RestExchange:
    """
    Ticker and book of any exchange ccxt speaks to.

    One object per exchange and process: its rate limit is shared by all symbols. The silence an
    exchange asks for is kept by all objects of a process that ask the same address.
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
        self.gate = gate_of(settings.exchange_url or name)
        options = {"enableRateLimit": True, "timeout": int(settings.exchange_timeout_s * 1000)}
        self._client: Any = getattr(ccxt, name)({**options, **self._options()})
        self._guard(self._client)

    def _options(self) -> dict[str, Any]:
        return {}

    def _guard(self, client: Any) -> None:
        """
        Close the gate at the answer that asks for silence, and hold back what is still queued.

        In ccxt, because both happen there: calls wait in its throttle, and of answers that come
        together it keeps the headers of the last.
        """
        fetch, on_rest_response = client.fetch, client.on_rest_response

        async def guarded_fetch(*args: Any, **options: Any) -> Any:
            self.gate.check(self.name)
            return await fetch(*args, **options)

        def noticing(
            code: int, reason: str, url: str, method: str, headers: Any, *rest: Any
        ) -> Any:
            self._note(headers)
            if code in SILENCE_ASKED:
                self.gate.close(pause_s(headers))
            return on_rest_response(code, reason, url, method, headers, *rest)

        client.fetch, client.on_rest_response = guarded_fetch, noticing

    def _note(self, headers: Any) -> None:
        """Take note of what the headers of any answer tell."""

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

    async def snapshot(self, symbol: str) -> MarketSnapshot:
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
        self._check_answers(symbol, ticker, book)
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

    def _check_answers(self, symbol: str, ticker: Any, book: Any) -> None:
        """Refuse what ccxt makes of an empty answer: a ticker and a book of nothing."""
        if ticker.get("last") is None or ticker.get("timestamp") is None:
            raise Unavailable(f"ticker of {symbol}: {self.name} answered without a price or a time")
        if not book["bids"] and not book["asks"] and book.get("nonce") is None:
            raise Unavailable(f"book of {symbol}: {self.name} answered without a book")

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _call[T](self, doing: str, request: Callable[[], Awaitable[T]]) -> T:
        """Call the exchange once, not before a pause it asked for is over."""
        doing = f"{self.name}: {doing}"
        self.gate.check(doing)
        try:
            return await request()
        except ccxt.BaseError as e:
            error = named(e, doing)
            if isinstance(error, RateLimited):
                if not self.gate.remaining_s:  # told in words, without for how long
                    self.gate.close(pause_s({}))
                error.retry_after_s = self.gate.remaining_s
            raise error from e
        except (TypeError, KeyError, ValueError, IndexError, AttributeError) as e:
            # ccxt parses what it is sent: a body of another shape fails inside its parser
            raise Unavailable(f"{doing}: an answer ccxt cannot read ({type(e).__name__})") from e

    def _levels(self, symbol: str, side: Sequence[Sequence[float]]) -> tuple[Level, ...]:
        try:
            return tuple(Level(float(level[0]), float(level[1])) for level in side[:BOOK_LEVELS])
        except (TypeError, ValueError, IndexError) as e:
            raise Unavailable(
                f"book of {symbol}: {self.name}: expected levels of numbers, found {e}"
            ) from e


def _with_near_miss(symbol: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(symbol, known, n=1)
    return f"{symbol} (did you mean {near[0]}?)" if near else symbol
