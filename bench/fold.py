"""
How much the fold costs a trade, beside decoding it: `python -m bench.fold`.

Prints one line of JSON: microseconds a trade for decoding and for folding, medians of interleaved
runs in one process, and their ratio.
"""

import json
import random
import statistics
import time
from collections.abc import Callable

from include import wire
from include.kpis.engine import KpiEngine
from include.kpis.records import Trade, Trades

RUNS = 7
BATCHES, BATCH = 200, 500
START_MS = 1_762_300_800_000


def batches() -> list[bytes]:
    """Return records of 100,000 trades of three hours."""
    chance = random.Random(7)
    made = []
    price = 60_000.0
    for n in range(BATCHES):
        trades = []
        for i in range(n * BATCH, (n + 1) * BATCH):
            price += chance.gauss(0, 0.5)
            side = "buy" if chance.random() < 0.5 else "sell"
            amount = round(chance.expovariate(20), 5) + 1e-5
            trades.append(Trade(i, i, i, START_MS + i * 100, round(price, 2), amount, side))
        made.append(wire.encode(Trades("binance", "BTC/USDT", trades[-1].ts_ms, tuple(trades))))
    return made


def us_a_trade(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) / (BATCHES * BATCH) * 1e6


def main() -> None:
    values = batches()
    events = [wire.decode(value) for value in values]

    def decode() -> None:
        for value in values:
            wire.decode(value)

    def fold() -> None:
        update = KpiEngine().update
        for event in events:
            update(event)

    decoding, folding = [], []
    for _ in range(RUNS):
        decoding.append(us_a_trade(decode))
        folding.append(us_a_trade(fold))
    figures = {
        "decode_us": round(statistics.median(decoding), 3),
        "fold_us": round(statistics.median(folding), 3),
        "fold_to_decode": round(
            statistics.median(f / d for f, d in zip(folding, decoding, strict=True)), 2
        ),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
