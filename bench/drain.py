r"""
How fast the drain is, against `psql \copy` of the same rows; `python -m bench.drain [trades]`.

Starts a Kafka and a PostgreSQL of its own, fills a topic with packed trades, a candle a minute and
snapshots, then takes turns: the drain into an empty database, and psql's binary \copy of its trades
into another. Prints the medians as one line of JSON.
"""

import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import batched
from typing import Any

from bench.servers import running
from include import wire
from include.broker.records import Outgoing
from include.broker.topics import ensure_topics
from include.broker.writer import TransactionalWriter
from include.errors import Misconfigured
from include.kpis.records import Candle, Event, Level, MarketKey, MarketSnapshot, Trade, Trades
from include.runtime import run_command
from include.settings import Settings
from include.warehouse.connection import connect
from include.warehouse.drain import DrainResult, drain
from local.line import Line
from local.ports import LOOPBACK
from local.provision.postgres import (
    MARKET,
    MARKET_WRITER,
    create_market_database,
    drop_database,
    superuser,
)

TRADES, ROUNDS = 400_000, 5
PACKED = 100  # trades a record: what 100 ms of a busy market are
TRADE_EVERY_MS, SNAPSHOT_EVERY, MINUTE_MS = 20, 20, 60_000
START_MS = 1_709_164_800_000  # 2024-02-29 00:00 UTC
MARKETS = (MarketKey("binance", "BTC/USDT"), MarketKey("binance", "ETH/USDT"))
PARTITIONS = b"SELECT ensure_trade_partition(date '2024-02-29' + n) FROM generate_series(0, 9) AS n"
ROWS = "(SELECT exchange, symbol, trade_id, first_id, last_id, ts, price, amount, side FROM trades)"
COLUMNS = "(exchange, symbol, trade_id, first_id, last_id, ts, price, amount, side)"


def events(trades: int) -> Iterator[Event]:
    """Yield the markets' trades in records of PACKED, snapshots, closed candles."""
    chance = random.Random(4)
    per_market = trades // len(MARKETS)
    for first in range(0, per_market, PACKED):
        ts_ms = START_MS + first * TRADE_EVERY_MS
        for market in MARKETS:
            if ts_ms % MINUTE_MS == 0 and first:
                ohlc = (100.0, 101.0, 99.0, 100.0)
                yield Candle(*market, ts_ms - MINUTE_MS, ts_ms, *ohlc, 750.0, 75_000.0, 6_000)
            batch = tuple(_trade(chance, first + i) for i in range(PACKED))
            yield Trades(*market, ts_ms + PACKED * TRADE_EVERY_MS, batch)
            if first % (PACKED * SNAPSHOT_EVERY) == 0:
                yield _snapshot(market, ts_ms + PACKED * TRADE_EVERY_MS)


def _trade(chance: random.Random, number: int) -> Trade:
    price, amount = 100.0 * chance.uniform(0.99, 1.01), chance.expovariate(4.0) + 1e-5
    side = "buy" if chance.random() < 0.5 else "sell"
    ts_ms = START_MS + number * TRADE_EVERY_MS
    return Trade(number, 2 * number, 2 * number + 1, ts_ms, price, amount, side)


def _snapshot(market: MarketKey, ts_ms: int) -> MarketSnapshot:
    bids = tuple(Level(100.0 - 0.01 * n, 1.0 + n) for n in range(20))
    asks = tuple(Level(100.01 + 0.01 * n, 1.0 + n) for n in range(20))
    day = (99.0, 101.0, 98.0, 100.0, 1e5, 1e7)
    return MarketSnapshot(*market, ts_ms, ts_ms + 40, *day, bids, asks)


class Bench:
    """One topic, filled, and as many databases as rounds."""

    def __init__(self, line: Line, psql: str) -> None:
        self._line = line
        self._psql = psql
        self._file = line.layout.root / "trades.copy"
        self._settings = Settings(
            kafka_bootstrap=f"{LOOPBACK}:{line.ports.kafka}",
            postgres_host=LOOPBACK,
            postgres_port=line.ports.postgres,
            postgres_user=MARKET_WRITER,
            postgres_passfile=line.layout.pgpass(MARKET_WRITER),
            drain_max_s=600.0,
        )

    def fill(self, trades: int) -> None:
        """Write the topic as the producer would."""
        ensure_topics(self._settings)
        writer = TransactionalWriter(self._settings, "bench")
        for some in batched(events(trades), 200):
            writer.write(
                [
                    Outgoing(
                        self._settings.topic_market,
                        f"{event.exchange}:{event.symbol}".encode(),
                        wire.encode(event),
                        wire.type_of(event),
                    )
                    for event in some
                ]
            )
        writer.close()

    def drained(self) -> tuple[float, DrainResult]:
        """Drain all of it into a new database; return the seconds that took, and the counts."""
        with self._database() as settings:
            began_s = time.perf_counter()
            with connect(settings, application="bench") as connection:
                drained = drain(connection, settings)
            took_s = time.perf_counter() - began_s
            if not self._file.exists():
                self._run(settings, f"\\copy {ROWS} to '{self._file}' (format binary)")
        return took_s, drained

    def copied(self) -> float:
        """Copy the same trades into a new database by psql; return the seconds that took."""
        with self._database() as settings:
            with connect(settings, application="bench") as connection:
                connection.execute(PARTITIONS)
            began_s = time.perf_counter()
            self._run(settings, f"\\copy trades {COLUMNS} from '{self._file}' (format binary)")
            return time.perf_counter() - began_s

    @contextmanager
    def _database(self) -> Iterator[Settings]:
        name = f"bench{uuid.uuid4().hex[:8]}"
        with superuser(self._line.layout, self._line.ports) as connection:
            create_market_database(connection, name, template=MARKET)
            connection.execute("CHECKPOINT")  # no round pays for the one before
        yield self._settings.model_copy(update={"postgres_database": name})
        with superuser(self._line.layout, self._line.ports) as connection:
            drop_database(connection, name)

    def _run(self, settings: Settings, command: str) -> None:
        place = ["-h", settings.postgres_host, "-p", str(settings.postgres_port)]
        who = ["-U", settings.postgres_user, "-d", settings.postgres_database]
        subprocess.run(
            [self._psql, "-Xqw", "-v", "ON_ERROR_STOP=1", *place, *who, "-c", command],
            env={**os.environ, "PGPASSFILE": str(settings.postgres_passfile)},
            check=True,
        )


def measure(bench: Bench, trades: int, rounds: int) -> dict[str, Any]:
    """Take turns; return medians, in rows a second."""
    bench.fill(trades)
    bench.drained()  # warms both servers, and writes psql's file
    drains, copies = [], []
    for _ in range(rounds):
        took_s, drained = bench.drained()
        rows = drained.trades + drained.candles + drained.snapshots
        drains.append(rows / took_s)
        copies.append(drained.trades / bench.copied())
    drain_rate, copy_rate = statistics.median(drains), statistics.median(copies)
    return {
        "trades": drained.trades,
        "candles": drained.candles,
        "snapshots": drained.snapshots,
        "rounds": rounds,
        "drain_rows_per_s": round(drain_rate),
        "psql_copy_rows_per_s": round(copy_rate),
        "ratio": round(statistics.median(d / c for d, c in zip(drains, copies, strict=True)), 3),
    }


def benchmark(trades: int) -> None:
    """Run the benchmark on servers of its own; print one line of JSON."""
    psql = shutil.which("psql")
    if psql is None:
        raise Misconfigured("expected psql (PostgreSQL's client) on the PATH, found none")
    with running("kafka", "postgres") as line:
        print(json.dumps(measure(Bench(line, psql), trades, ROUNDS)))


def main() -> int:
    trades = int(sys.argv[1]) if len(sys.argv) > 1 else TRADES
    return run_command("bench.drain", lambda: benchmark(trades))


if __name__ == "__main__":
    sys.exit(main())
