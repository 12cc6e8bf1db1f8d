"""Keep one exchange's trade stream connected, and put its trades into the markets' buffers."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Protocol

from include import retry
from include.errors import Unavailable
from include.kpis.records import Trade
from include.streaming.trade_feed import TradeBuffer

HEALTHY_S = 60.0
"""A connection that lasted this long is replaced at once, without backing off."""

type Connection = AbstractAsyncContextManager[AsyncIterator[tuple[str, Trade]]]


class TradeStream(Protocol):
    """A stream that can be connected; see `include.exchange.trade_stream`."""

    def connection(self) -> Connection: ...


class Subscription:
    """One stream of many symbols, connected again when it ends or falls silent."""

    buffers: Mapping[str, TradeBuffer]
    """Each symbol's buffer."""

    def __init__(
        self,
        stream: TradeStream,
        symbols: Sequence[str],
        *,
        report: retry.Report,
        on_lost: Callable[[], None] = lambda: None,
        on_dropped: Callable[[str, int], None] = lambda symbol, count: None,
    ) -> None:
        """
        Create the buffers. `run` connects.

        Args:
            stream: The exchange's stream of *symbols*.
            symbols: The symbols to keep buffers of.
            report: Called with each failure, and the wait before the next attempt.
            on_lost: Called when an established connection is lost.
            on_dropped: Called with a symbol and the number of its trades that a full buffer
                discards.
        """
        self._silence = asyncio.Event()
        self.buffers = {
            symbol: TradeBuffer(on_silent=self._silence.set, on_dropped=partial(on_dropped, symbol))
            for symbol in symbols
        }
        self._on_lost = on_lost
        self._stream = stream
        self._report = report

    async def run(self) -> None:
        """Stay connected until cancelled."""
        while True:
            async for attempt in retry.retry_until_available(self._report):
                with attempt:
                    await self._connect_once()

    async def _connect_once(self) -> None:
        """Connect. Return when a connection ends that lasted HEALTHY_S."""
        connected_s = None
        try:
            async with self._stream.connection() as trades:
                connected_s = time.monotonic()
                await self._read(trades)
        except Unavailable as failure:
            if connected_s is None:
                raise
            self._on_lost()
            if time.monotonic() - connected_s < HEALTHY_S:
                raise
            self._report(failure, 0.0)

    async def _read(self, trades: AsyncIterator[tuple[str, Trade]]) -> None:
        """
        Buffer trades until the connection ends.

        Raises:
            Unavailable: The connection ended, or delivers no trades although it is open.
        """
        self._silence.clear()
        self._set_connected(True)
        reading = asyncio.create_task(self._buffer_trades(trades))
        silence = asyncio.create_task(self._silence.wait())
        try:
            await asyncio.wait((reading, silence), return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                reading.result()
            raise Unavailable("trade stream: open but silent while the exchange trades")
        finally:
            self._set_connected(False)
            reading.cancel()
            silence.cancel()
            await asyncio.gather(reading, silence, return_exceptions=True)

    async def _buffer_trades(self, trades: AsyncIterator[tuple[str, Trade]]) -> None:
        async for symbol, trade in trades:
            self.buffers[symbol].put(trade)

    def _set_connected(self, is_connected: bool) -> None:
        for buffer in self.buffers.values():
            buffer.is_connected = is_connected
