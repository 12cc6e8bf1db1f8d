"""Everything killed, again and again, all at once; and nothing missing, nothing extra."""

import random
import subprocess
import sys
import time
from collections import Counter

import pytest

from local.services import SERVERS
from tests.chaos.pipeline import flow

SYMBOLS = ("BTC", "ETH", "BNB", "SOL", "XRP", "ADA", "DOGE", "LRC", "EUR", "DOT")
TRADES_PER_S = 2_000
MARKETS = tuple(f"{base}/USDT" for base in SYMBOLS)
OPTIONS = ["--symbols", ",".join(MARKETS)]
OPTIONS += ["--trades-per-minute", str(TRADES_PER_S * 60 // len(MARKETS))]


@pytest.mark.fault(1)
@pytest.mark.fault(2)
@pytest.mark.fault(4)
@pytest.mark.fault(10)
@pytest.mark.slow
@pytest.mark.timeout(3_000)
@pytest.mark.parametrize("exchange_options", [OPTIONS], ids=["2000 trades a second"])
def test_a_storm_of_kills(pipeline, struck, seed, story, pytestconfig):
    storm_s = pytestconfig.getoption("storm_s")
    chance = random.Random(seed)
    pipeline.told |= {
        "MARKETS": ",".join(f"binance:{symbol}" for symbol in MARKETS),
        "POLL_INTERVAL_S": "1",
    }
    pipeline.start("consumer")
    pipeline.start("producer")
    pipeline.await_stored()
    kills: Counter[str] = Counter()
    drains = [start_drain(pipeline)]
    give_up_s = time.monotonic() + storm_s
    while time.monotonic() < give_up_s:
        flow(chance.uniform(0.5, 5.0))
        name = chance.choice([*SERVERS, "producer", "consumer", "drain", "drain"])
        if name == "drain":
            drains[-1].kill()
            kills[name] += 1
        elif name in SERVERS:
            kills[name] += struck.strike(name)
        else:
            pipeline.restart_if_ended(name)
            pipeline.kill(name)
            pipeline.start(name)
            kills[name] += 1
        for service in ("producer", "consumer"):  # as the supervisor restarts whatever ends
            pipeline.restart_if_ended(service)
        if drains[-1].poll() is not None or name == "drain":
            drains.append(start_drain(pipeline))
    for drain in drains:
        drain.kill()
        drain.communicate(timeout=30)
    struck.restore()
    for service in ("producer", "consumer"):
        pipeline.restart_if_ended(service)
    calm_s = time.monotonic()
    pipeline.await_stored(timeout_s=600)
    behind_s = time.monotonic() - calm_s
    verdict = pipeline.settle()

    struck_down = ", ".join(f"{count} x {name}" for name, count in sorted(kills.items()))
    story.injected(f"{sum(kills.values())} SIGKILLs in {storm_s:.0f} s: {struck_down}")
    story.found(f"{verdict}; caught up {behind_s:.0f} s after the storm; {pipeline.ends}")
    assert verdict.is_clean, verdict


def start_drain(pipeline) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "include.warehouse.drain"],
        env=pipeline.environment(DRAIN_MAX_ROWS="5000"),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
