"""
How soon a consumer that was killed stores points again; `python -m bench.resume [symbols]`.

Starts a Kafka, an InfluxDB and a simulated exchange of its own, and a producer and a consumer as
they run in a line. Once all symbols flow the consumer is killed and started, again and again.
Prints one line of JSON: from the start of the new process to its first points in InfluxDB, and to
having caught up with the topic; medians and the longest.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from itertools import islice, product
from string import ascii_uppercase
from typing import Any

from bench.processes import Processes, flowing
from include.errors import PipelineError
from include.runtime import run_command

MARKETS, TRADES_PER_S, KILLS = 100, 1_000, 7
FLOWING_S = 20.0  # between two kills: there are new checkpoints, and points since them
PATIENCE_S = 300.0
CAUGHT_UP = 50  # records: less than a poll brings while all goes well
POINTS, LAG = "pipeline_points_total", "pipeline_kafka_lag_records"


def seconds_until(processes: Processes, condition: Callable[[float, float], bool]) -> float:
    """
    Return how long it took until *condition* held of the consumer's points and lag.

    Raises:
        PipelineError: It took too long.
    """
    began_s = time.perf_counter()
    while (took_s := time.perf_counter() - began_s) < PATIENCE_S:
        try:
            told = processes.metrics("consumer")
        except OSError:  # it does not listen yet
            told = {}
        if condition(told.get(POINTS, 0.0), told.get(LAG, 0.0)):
            return took_s
        time.sleep(0.05)  # /metrics can only be asked again
    raise PipelineError(f"the consumer did not come to it within {PATIENCE_S:.0f} s")


def measure(processes: Processes, symbols: int) -> dict[str, Any]:
    """Kill and start the consumer; return how long it took it."""
    seconds_until(processes, lambda points, lag: points > 100 * symbols and lag < CAUGHT_UP)
    first, caught_up = [], []
    for _ in range(KILLS):
        time.sleep(FLOWING_S)  # the moment of the kill, not a wait for something
        processes.kill("consumer")
        processes.start_service("consumer")
        first.append(seconds_until(processes, lambda points, _: points > 0))
        more_s = seconds_until(processes, lambda points, lag: points > 0 and lag < CAUGHT_UP)
        caught_up.append(first[-1] + more_s)
    return {
        "symbols": symbols,
        "kills": KILLS,
        "first_points_s": _spread(first),
        "caught_up_s": _spread(caught_up),
        "load_average": round(os.getloadavg()[0], 1),
    }


def _spread(seen: list[float]) -> dict[str, float]:
    return {"median": round(statistics.median(seen), 2), "longest": round(max(seen), 2)}


def benchmark(symbols: int) -> None:
    """Run the benchmark on servers of its own; print one line of JSON."""
    named = list(islice(product(ascii_uppercase, ascii_uppercase), symbols))
    markets = [f"{first}{second}/USDT" for first, second in named]
    with flowing(markets, TRADES_PER_S) as processes:
        print(json.dumps(measure(processes, symbols)))


def main() -> int:
    symbols = int(sys.argv[1]) if len(sys.argv) > 1 else MARKETS
    return run_command("bench.resume", lambda: benchmark(symbols))


if __name__ == "__main__":
    sys.exit(main())
