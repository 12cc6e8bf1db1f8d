"""
How long a day of 100 markets takes to recompute, and what memory; `python -m bench.recompute`.

Starts a PostgreSQL of its own with two days of candles of each market, of which the first is the
warm-up. A process as Airflow's task is, pandas-ta's import included, computes the second, into a
table that lacks it. Prints one line of JSON: the median of some runs, the greatest memory.
"""

import json
import os
import random
import resource
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator

from bench.servers import running
from include.history.indicators import recompute
from include.kpis.records import MINUTE_MS, Candle, MarketKey
from include.kpis.session import DAY_MS
from include.runtime import run_command
from include.settings import PREFIX, Settings
from include.warehouse.connection import connect
from include.warehouse.rows import candle_row
from include.warehouse.tables import CANDLES
from local.line import Line
from local.ports import LOOPBACK
from local.provision.postgres import (
    MARKET,
    MARKET_WRITER,
    create_market_database,
    drop_database,
    superuser,
)

MARKETS = [MarketKey("binance", f"S{n:03}/USDT") for n in range(100)]
RUNS = 3
TASK = "task"  # the argument that makes the process the one measured
START_MS = 1_762_300_800_000  # 2025-11-05 00:00 UTC


def candles() -> Iterator[Candle]:
    """Yield two days of each market, as random walks."""
    chance = random.Random(5)
    for market in MARKETS:
        close = 10 ** chance.uniform(-3, 5)
        for ts_ms in range(START_MS, START_MS + 2 * DAY_MS, MINUTE_MS):
            open_, close = close, close * chance.uniform(0.999, 1.001)
            ohlc = (open_, max(open_, close), min(open_, close), close)
            volume = chance.expovariate(0.1)
            yield Candle(*market, ts_ms, ts_ms, *ohlc, volume, volume * (open_ + close) / 2, 9)


def once() -> None:
    """Be the task: compute the day, tell its rows and the memory it took."""
    with connect(Settings.load(), application="bench") as connection:
        from_ms = START_MS + DAY_MS
        done = recompute(connection, MARKETS, from_ms, from_ms + DAY_MS)
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([done.changed, memory_mb]))


def fill(settings: Settings) -> None:
    """Store the candles."""
    with (
        connect(settings, application="bench") as connection,
        connection.cursor() as cursor,
        cursor.copy(CANDLES.copy(staged=False)) as copy,
    ):
        copy.set_types(list(CANDLES.columns.values()))
        for candle in candles():
            copy.write_row(candle_row(candle))


def run(line: Line, settings: Settings) -> tuple[int, float, float]:
    """Be a process that recomputes, in a database of its own; return rows, seconds, MB."""
    name = f"bench{uuid.uuid4().hex[:8]}"
    with superuser(line.layout, line.ports) as connection:
        create_market_database(connection, name, template=MARKET)
        connection.execute("CHECKPOINT")
    told = {f"{PREFIX}{field.upper()}": str(value) for field, value in settings}
    told |= {f"{PREFIX}POSTGRES_DATABASE": name}
    del told[f"{PREFIX}MARKETS"]
    began_s = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "bench.recompute", TASK],
        env={**os.environ, **told},
        stdout=subprocess.PIPE,
        check=True,
    )
    took_s = time.perf_counter() - began_s
    with superuser(line.layout, line.ports) as connection:
        drop_database(connection, name)
    changed, memory_mb = json.loads(done.stdout)
    return changed, took_s, memory_mb


def benchmark() -> None:
    """Run the benchmark on a server of its own; print one line of JSON."""
    with running("postgres") as line:
        settings = Settings(
            postgres_host=LOOPBACK,
            postgres_port=line.ports.postgres,
            postgres_database=MARKET,
            postgres_user=MARKET_WRITER,
            postgres_passfile=line.layout.pgpass(MARKET_WRITER),
        )
        fill(settings)
        changed, seconds, memory_mb = zip(*(run(line, settings) for _ in range(RUNS)), strict=True)
    figures = {
        "markets": len(MARKETS),
        "rows": changed[0],
        "runs": RUNS,
        "recompute_s": round(statistics.median(seconds), 1),
        "peak_memory_mb": round(max(memory_mb)),
    }
    print(json.dumps(figures))


def main() -> int:
    return run_command("bench.recompute", once if TASK in sys.argv[1:] else benchmark)


if __name__ == "__main__":
    sys.exit(main())
