"""Keep one exchange's trade stream connected, its trades in the buffers of their markets."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Protocol

from include import retry
from include.errors import Unavailable
from include.kpis.records import Trade
from include.streaming.live_trades import LiveTrades

HEALTHY_S = 60.0  # a connection that lasted so long is made again at once, without backing off

type Connection = AbstractAsyncContextManager[AsyncIterator[tuple[str, Trade]]]


class Stream(Protocol):
    """What a subscription needs of an exchange; see `include.exchange.trade_stream`."""

    def connection(self) -> Connection: ...


class Subscription:
    """
    One stream of many symbols, connected again whenever it ends or falls silent.

    Attributes:
        live: Each symbol's buffer.
    """

    def __init__(
        self,
        stream: Stream,
        symbols: Sequence[str],
        *,
        report: retry.Report,
        lost: Callable[[], None] = lambda: None,
        dropped: Callable[[str, int], None] = lambda symbol, count: None,
    ) -> None:
        """
        *report* hears of each failure, *lost* of each connection that had been there.

        *dropped* hears of each symbol's trades that nobody took in time.
        """
        self._silence = asyncio.Event()
        self.live: Mapping[str, LiveTrades] = {
            symbol: LiveTrades(silent=self._silence.set, dropped=partial(dropped, symbol))
            for symbol in symbols
        }
        self._lost = lost
        self._stream = stream
        self._report = report

    async def run(self) -> None:
        """Stay connected until cancelled."""
        while True:
            async for attempt in retry.until_available(self._report):
                with attempt:
                    await self._connect_once()

    async def _connect_once(self) -> None:
        """Return when a connection has ended that had been healthy for long."""
        connected_s = None
        try:
            async with self._stream.connection() as trades:
                connected_s = time.monotonic()
                await self._read(trades)
        except Unavailable as failure:
            if connected_s is None:
                raise
            self._lost()
            if time.monotonic() - connected_s < HEALTHY_S:
                raise
            self._report(failure, 0.0)

    async def _read(self, trades: AsyncIterator[tuple[str, Trade]]) -> None:
        """
        Hand out trades until the connection ends.

        Raises:
            Unavailable: It has, or it is open and silent.
        """
        self._silence.clear()
        self._set_connected(True)
        reading = asyncio.create_task(self._hand_out(trades))
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

    async def _hand_out(self, trades: AsyncIterator[tuple[str, Trade]]) -> None:
        async for symbol, trade in trades:
            self.live[symbol].offer(trade)

    def _set_connected(self, is_connected: bool) -> None:
        for live in self.live.values():
            live.is_connected = is_connected
