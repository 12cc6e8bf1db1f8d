"""Run the simulated exchange: `python -m include.simulator --port 18090 [--tape FILE]`."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

import structlog

from include import log
from include.errors import Misconfigured
from include.runtime import run_command
from include.simulator.clock import WallClock
from include.simulator.generated_market import GeneratedMarket
from include.simulator.market import Market
from include.simulator.server import LOOPBACK, serve_market
from include.simulator.tape_market import TapeMarket

LISTED = "BTC/USDT,ETH/USDT,BNB/USDT,SOL/USDT,XRP/USDT,ADA/USDT,DOGE/USDT,ETH/BTC,LRC/BTC"


def parse_arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m include.simulator",
        description="A simulated exchange with Binance's API: a market from a seed, or a tape.",
    )
    parser.add_argument("--port", type=int, default=18090, help="0 selects a free port")
    parser.add_argument("--host", default=LOOPBACK, help="loopback or a private address")
    parser.add_argument("--seed", type=int, default=7, help="each seed gives another market")
    parser.add_argument("--symbols", default=LISTED, help="separated by commas")
    parser.add_argument(
        "--trades-per-minute", type=float, default=90.0, help="per symbol, on average"
    )
    parser.add_argument(
        "--weight-limit",
        type=int,
        metavar="N",
        help="respond with 429 above it in a minute; Binance: 6000",
    )
    parser.add_argument(
        "--tape", type=Path, nargs="+", metavar="FILE", help="replay these recordings, in order"
    )
    parser.add_argument(
        "--speed",
        default="1",
        help="of a tape: a multiple of real time, or max: --step-ms at each GET /ticker/24hr",
    )
    parser.add_argument("--step-ms", type=int, default=5_000, help="step of --speed max")
    return parser.parse_args(argv)


def make_market(options: argparse.Namespace) -> Market:
    """
    Build the market that *options* describe.

    Raises:
        Misconfigured: An option is invalid, or the tape cannot be replayed.
    """
    if options.tape:
        return TapeMarket(
            tuple(options.tape),
            speed=_parse_speed(options.speed),
            step_ms=_check_step(options.step_ms),
        )
    names = tuple(name.strip() for name in options.symbols.split(",") if name.strip())
    return GeneratedMarket(
        WallClock(),
        seed=options.seed,
        symbols=names,
        trades_per_minute=options.trades_per_minute,
    )


def _parse_speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise Misconfigured(f"--speed: expected max or a number above 0, found {text}")
    return speed


def _check_step(value: int) -> int:
    if value <= 0:
        raise Misconfigured(f"--step-ms: expected more than 0, found {value}")
    return value


async def serve(options: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    market = make_market(options)
    serving = serve_market(
        market, port=options.port, host=options.host, weight_limit=options.weight_limit
    )
    async with serving as address:
        names = [symbol.name for symbol in market.symbols]
        structlog.get_logger().info("listening", address=address, market=market.kind, symbols=names)
        await stop.wait()


def main() -> int:
    """Run the simulator; return the exit code."""
    options = parse_arguments()
    log.configure("simulator")
    return run_command("simulator", lambda: asyncio.run(serve(options)))


if __name__ == "__main__":
    sys.exit(main())
