"""`make demo` and `make demo-check`: the whole line on the simulated exchange."""

import json
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.live import Live

from include.errors import PipelineError
from local.demo import access, table
from local.demo.arrivals import Arrivals
from local.demo.figures import Figures, Snapshot
from local.line import Line
from local.status import addresses, service_statuses

REFRESH_S = 2.0
RATE_OVER = 8  # snapshots: rates are over some 15 s, three polls at the default cadence
PLAIN_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class Checked:
    """What `make demo-check` prints."""

    seconds_to_first_point: float
    seconds_to_first_drain: float
    snapshots: int
    trades: int
    candles: int
    points: int
    rows: int
    drain_runs: int
    memory_mb: int


def demo(line: Line) -> None:
    """
    Start the line, wait until data is in both stores, show it until Ctrl-C, stop the line.

    Raises:
        PipelineError: The line does not start, or no data arrives.
    """
    with _started(line) as arrivals, _figures(line) as figures:
        now = figures.snapshot()
        print(
            f"first KPI in InfluxDB after {arrivals.point_s:.0f} s, rows of a scheduled "
            f"drain_kafka in PostgreSQL after {arrivals.drain_s:.0f} s: {now.points:,} points, "
            f"{now.rows.snapshots:,} snapshots, {now.rows.trades:,} trades, "
            f"{now.rows.candles:,} candles"
        )
        for name, where in addresses(line):
            print(f"  {name:<12}{where}")
        print(flush=True)
        with suppress(KeyboardInterrupt):  # the way to end it
            show(figures)


def check(line: Line) -> Checked:
    """
    Start the line, wait until data is in both stores, stop it; return what was there.

    Raises:
        PipelineError: The line does not start, or one of its stores has nothing.
    """
    with _started(line) as arrivals, _figures(line) as figures:
        now = figures.snapshot()
        memory = sum(status.memory_bytes for status in service_statuses(line))
    rows = now.rows
    found = Checked(
        seconds_to_first_point=round(arrivals.point_s or 0.0, 1),
        seconds_to_first_drain=round(arrivals.drain_s or 0.0, 1),
        snapshots=rows.snapshots,
        trades=rows.trades,
        candles=rows.candles,
        points=now.points,
        rows=sum(rows),
        drain_runs=now.drain_runs.get("success", 0),
        memory_mb=memory // 2**20,
    )
    print(json.dumps(asdict(found)), flush=True)
    if now.away:
        raise PipelineError("; ".join(now.away))
    if empty := [name for name, value in asdict(found).items() if not value]:
        raise PipelineError(f"expected some of everything, found no {', '.join(empty)}")
    return found


def watch(line: Line) -> None:
    """Show a line that runs until Ctrl-C; it runs on."""
    with _figures(line) as figures, suppress(KeyboardInterrupt):
        show(figures)


def show(figures: Figures) -> None:
    """Show a running line until interrupted: a live table, or plain lines without a terminal."""
    if not sys.stdout.isatty():
        while True:
            print(table.plain(figures.snapshot()), flush=True)
            time.sleep(PLAIN_EVERY_S)
    seen: deque[Snapshot] = deque(maxlen=RATE_OVER)
    with Live(console=Console(), auto_refresh=False) as live:
        while True:
            seen.append(figures.snapshot())
            live.update(table.render(seen[-1], seen[0]), refresh=True)
            time.sleep(REFRESH_S)


@contextmanager
def _started(line: Line) -> Iterator[Arrivals]:
    arrivals = Arrivals(line)
    arrivals.begin()
    try:
        line.start(detached=False, report=lambda text: print(text, file=sys.stderr, flush=True))
        arrivals.wait()
        yield arrivals
    finally:
        arrivals.end()
        print("stopping", file=sys.stderr, flush=True)
        line.stop()


@contextmanager
def _figures(line: Line) -> Iterator[Figures]:
    figures = access.open_figures(line)
    try:
        yield figures
    finally:
        figures.close()
