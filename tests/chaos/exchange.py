"""
The simulated exchange with a short past: `python -m tests.chaos.exchange --port 18090`.

Its market is the seed's, but was listed some hours ago: the ticker's 24 hours of a busy market
take half a minute a symbol to make up otherwise.
"""

import asyncio
import signal
import sys
from argparse import ArgumentParser

from include.simulator.cache import BoundedCache
from include.simulator.clock import Clock, WallClock
from include.simulator.generated_market import GeneratedMarket
from include.simulator.market import Symbol
from include.simulator.server import serve_market

HOUR_MS = 3_600_000
PAST_HOURS = 1
CACHED_HOURS = 3  # the one before, the one that is on, the one after


class YoungMarket(GeneratedMarket):
    """Listed at the start of the hour that was current PAST_HOURS before its making."""

    def __init__(
        self, clock: Clock, *, seed: int, symbols: tuple[str, ...], trades_per_minute: float
    ) -> None:
        super().__init__(clock, seed=seed, symbols=symbols, trades_per_minute=trades_per_minute)
        self._opened_ms = (clock.now_ms() // HOUR_MS - PAST_HOURS) * HOUR_MS
        cached = int(CACHED_HOURS * 60 * trades_per_minute * 1.5) * len(symbols)
        self._hours = BoundedCache(cached, weigh=lambda hour: len(hour) + 1)

    def opened_ms(self, symbol: Symbol) -> int:
        return self._opened_ms


async def serve(market: GeneratedMarket, port: int) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with serve_market(market, port=port):
        await stop.wait()


def main() -> int:
    parser = ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--symbols", default="BTC/USDT,ETH/USDT")
    parser.add_argument("--trades-per-minute", type=float, default=600.0)
    options = parser.parse_args()
    market = YoungMarket(
        WallClock(),
        seed=options.seed,
        symbols=tuple(options.symbols.split(",")),
        trades_per_minute=options.trades_per_minute,
    )
    asyncio.run(serve(market, options.port))
    return 0


if __name__ == "__main__":
    sys.exit(main())
