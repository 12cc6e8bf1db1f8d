"""
Whether memory stays flat under load; `python -m bench.soak [minutes] [trades a second]`.

Starts a Kafka, an InfluxDB and a simulated exchange of its own, and a producer and a consumer as
they run in a line. After a warm-up of a twelfth of the time, of which nothing counts, it looks at
their memory (RSS) and at what they did every ten seconds. Prints one line of JSON: per process the
median, and the extremes as shares of it; trades a second that came through; the newest lag.
"""

import json
import os
import statistics
import sys
import time
from itertools import product
from typing import Any

from bench.processes import SERVICES, Processes, flowing
from include.errors import PipelineError
from include.runtime import run_command

MINUTES, TRADES_PER_S = 60.0, 5_000
EVERY_S, MAKING_UP_S = 10.0, 300.0
SYMBOLS = [f"{base}/{quote}" for base, quote in product("ABCDEFGHIJ", ("USDT", "BTC"))]


def measure(processes: Processes, minutes: float) -> dict[str, Any]:
    """Watch for so long; return what was seen after the warm-up."""
    give_up_s = time.monotonic() + MAKING_UP_S
    while not published(processes):
        if time.monotonic() > give_up_s:
            raise PipelineError(f"nothing was published within {MAKING_UP_S:.0f} s")
        time.sleep(1)  # /metrics can only be asked again
    warm_s = minutes * 60 / 12
    time.sleep(warm_s)  # caches fill, pools grow: none of it counts
    began_s, first = time.monotonic(), published(processes)
    samples: dict[str, list[float]] = {service: [] for service in SERVICES}
    while time.monotonic() < began_s + minutes * 60 - warm_s:
        time.sleep(EVERY_S)  # from one look to the next
        for service, seen in samples.items():
            seen.append(processes.memory_mb(service))
    told = {service: processes.metrics(service) for service in SERVICES}
    took_s = time.monotonic() - began_s
    return {
        "minutes": round(took_s / 60, 1),
        "published_per_s": round((told["producer"]["pipeline_published_total"] - first) / took_s),
        "markets_behind": told["producer"]["pipeline_markets_behind"],
        "lag_records": told["consumer"]["pipeline_kafka_lag_records"],
        "memory": {service: _spread(seen) for service, seen in samples.items()},
        "load_average": round(os.getloadavg()[0], 1),
    }


def published(processes: Processes) -> float:
    """Return how many events the producer has committed to Kafka."""
    try:
        return processes.metrics("producer")["pipeline_published_total"]
    except OSError:  # it does not listen yet
        return 0.0


def _spread(seen: list[float]) -> dict[str, float]:
    middle = statistics.median(seen)
    return {
        "median_mb": round(middle, 1),
        "first_mb": round(seen[0], 1),
        "last_mb": round(seen[-1], 1),
        "least": round(min(seen) / middle, 3),
        "most": round(max(seen) / middle, 3),
    }


def soak(minutes: float, trades_per_s: int) -> None:
    """Run it on servers of its own; print one line of JSON."""
    with flowing(SYMBOLS, trades_per_s) as processes:
        print(json.dumps(measure(processes, minutes)))


def main() -> int:
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else MINUTES
    trades_per_s = int(sys.argv[2]) if len(sys.argv) > 2 else TRADES_PER_S
    return run_command("bench.soak", lambda: soak(minutes, trades_per_s))


if __name__ == "__main__":
    sys.exit(main())
