"""`make replay`: a recorded market through simulator, ccxt, producer, Kafka, consumer and drain."""

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from include import wire
from include.broker.log_reader import LogReader
from include.broker.writer import AcknowledgedWriter
from include.errors import PipelineError
from include.kpis.records import Candle, MarketSnapshot, Trades
from include.settings import Settings
from include.streaming.market_feed import Progress
from include.streaming.publishing import encode_progress
from include.warehouse.connection import connect
from include.warehouse.drain import drain
from local.demo import access
from local.demo.player import PATIENCE_S, POLL_S, Player, playing
from local.demo.programs import Program, last_line, running
from local.line import Line
from local.services import SERVERS


@dataclass(frozen=True, slots=True)
class Passed:
    """What came by at one place; None where that kind does not go there."""

    place: str
    trades: int | None
    candles: int | None
    snapshots: int | None


class Replayed(NamedTuple):
    """A tape that went through, its stores still there; `settings` are those of the services."""

    settings: Settings
    passed: list[Passed]
    elapsed_s: float


def replay(line: Line, tapes: Sequence[Path]) -> None:
    """
    Send *tapes* through the line's servers; print what passed where.

    Raises:
        PipelineError: A part failed, or the places do not agree.
    """
    with replayed(line, tapes) as found:
        print(f"{'':<12}{'trades':>10}{'candles':>10}{'snapshots':>10}")
        for p in found.passed:
            counts = (p.trades, p.candles, p.snapshots)
            print(f"{p.place:<12}" + "".join(f"{'-' if n is None else n:>10}" for n in counts))
        print(f"{found.elapsed_s:.1f} s")
        _check_agree(found.passed)


@contextmanager
def replayed(line: Line, tapes: Sequence[Path]) -> Iterator[Replayed]:
    """
    Yield once *tapes* have gone through the line's servers, as fast as it goes.

    The line's folder is emptied before; its servers are stopped at the end.

    Raises:
        PipelineError: A part failed.
    """
    shutil.rmtree(line.layout.root, ignore_errors=True)
    with ExitStack() as stack:
        line.start(SERVERS, detached=False)
        stack.callback(line.stop)
        began_s = time.monotonic()
        exchange = stack.enter_context(playing(line, tapes))
        settings = _seeded(line, exchange)
        with _service(line, settings, "consumer"):
            with _service(line, settings, "producer") as producer:
                exchange.await_end(producer)
            _await_caught_up(line)
        passed = _drained_and_counted(line, settings, exchange)
        yield Replayed(settings, passed, time.monotonic() - began_s)


def _seeded(line: Line, exchange: Player) -> Settings:
    """Return the settings of the replay, Kafka told that the producer stands before the tape."""
    settings = access.settings_of(line).model_copy(
        update={
            "markets": (exchange.market,),
            "exchange_url": exchange.url,
            "poll_interval_s": 0.0,
            "history_bars": 0,
            "trades_stream": False,  # asked for, they come in the same order each time
        }
    )
    writer = AcknowledgedWriter(settings, "replay")
    try:
        before = Progress(trades_since_ms=exchange.began_ms)
        writer.write([encode_progress(settings, exchange.market, before)])
    finally:
        writer.close()
    return settings


@contextmanager
def _service(line: Line, settings: Settings, name: str) -> Iterator[Program]:
    told = {
        "PIPELINE_MARKETS": ",".join(map(str, settings.markets)),
        "PIPELINE_EXCHANGE_URL": settings.exchange_url,
        "PIPELINE_POLL_INTERVAL_S": str(settings.poll_interval_s),
        "PIPELINE_HISTORY_BARS": str(settings.history_bars),
        "PIPELINE_TRADES_STREAM": str(settings.trades_stream),
    }
    with running(line, [f"include.streaming.{name}"], told) as process:
        yield process


def _await_caught_up(line: Line) -> None:
    figures = access.open_figures(line, with_airflow=False)
    try:
        give_up_s = time.monotonic() + PATIENCE_S
        while figures.kafka.offsets().consumer_lag:
            if time.monotonic() > give_up_s:
                raise PipelineError(last_line(line, "include.streaming.consumer"))
            time.sleep(POLL_S)
    finally:
        figures.close()


def _drained_and_counted(line: Line, settings: Settings, exchange: Player) -> list[Passed]:
    with connect(settings, application="replay") as connection:
        while not drain(connection, settings).caught_up:
            pass
    figures = access.open_figures(line, with_airflow=False)
    try:
        rows = figures.postgres.rows()
        points = sum(figures.influxdb.points().values())
    finally:
        figures.close()
    return [
        Passed("exchange", *exchange.counts(), None),
        _in_kafka(settings),
        Passed("PostgreSQL", rows.trades, rows.candles, rows.snapshots),
        Passed("InfluxDB", None, None, points),
    ]


def _in_kafka(settings: Settings) -> Passed:
    """Count what `crypto.market` has, every record of it: twice counts twice."""
    trades = candles = snapshots = 0
    with LogReader(settings, settings.topic_market) as reader:
        ends = reader.ends()
        reader.seek(reader.beginnings())
        while any(reader.positions()[p] < end for p, end in ends.items()):
            for record in reader.poll(1_000, timeout_s=1.0):
                event = wire.decode(record.value)
                trades += len(event.trades) if isinstance(event, Trades) else 0
                candles += isinstance(event, Candle)
                snapshots += isinstance(event, MarketSnapshot)
    return Passed("Kafka", trades, candles, snapshots)


def _check_agree(passed: Sequence[Passed]) -> None:
    for kind in ("trades", "candles", "snapshots"):
        counts = {p.place: n for p in passed if (n := getattr(p, kind)) is not None}
        if len(set(counts.values())) != 1:
            found = ", ".join(f"{place} {count}" for place, count in counts.items())
            raise PipelineError(f"expected as many {kind} everywhere, found {found}")
