"""`make replay`: a recorded market through simulator, ccxt, producer, Kafka, consumer and drain."""

import json
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from include import wire
from include.broker.log_reader import LogReader
from include.broker.writer import AcknowledgedWriter
from include.errors import Exit, Misconfigured, PipelineError
from include.kpis.records import MINUTE_MS, Candle, MarketKey, Tick, Trades
from include.progress_bar import progress_bar
from include.settings import Settings
from include.streaming import progress
from include.streaming.progress import Progress
from include.warehouse.connection import connect
from include.warehouse.drain import drain
from local.demo import access
from local.layout import REPOSITORY
from local.line import Line
from local.services import SERVERS

EXCHANGE = "binance"
STEP_MS = 5_000  # of the tape's time from tick to tick: the default cadence
PATIENCE_S = 600.0
POLL_S = 0.25
STOP_S = 20.0


@dataclass(frozen=True, slots=True)
class Passed:
    """What came by at one place; None where that kind does not go there."""

    place: str
    trades: int | None
    candles: int | None
    ticks: int | None


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
        print(f"{'':<12}{'trades':>10}{'candles':>10}{'ticks':>10}")
        for p in found.passed:
            counts = (p.trades, p.candles, p.ticks)
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
        exchange = stack.enter_context(_simulator(line, tapes))
        settings = _seeded(line, exchange)
        with _service(line, settings, "consumer"):
            with _service(line, settings, "producer") as producer:
                exchange.await_end(producer)
            _await_caught_up(line)
        passed = _drained_and_counted(line, settings, exchange)
        yield Replayed(settings, passed, time.monotonic() - began_s)


@dataclass(frozen=True, slots=True)
class _Exchange:
    """The simulator that plays the tape."""

    url: str
    market: MarketKey
    began_ms: int

    def state(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}/_control/state", timeout=10) as answer:  # noqa: S310
            return dict(json.load(answer))

    def await_end(self, producer: "subprocess.Popen[bytes]") -> None:
        """Return when the producer has asked twice more after the tape came to its end."""
        asked_at_end = None
        give_up_s = time.monotonic() + PATIENCE_S
        with progress_bar("recording") as advance:
            while time.monotonic() < give_up_s:
                state = self.state()
                length_ms = state["until_ms"] - self.began_ms
                advance(completed=state["now_ms"] - self.began_ms, total=length_ms)
                asked = state["requests"].get("/api/v3/ticker/24hr", 0)
                if state["done"] and asked_at_end is None:
                    asked_at_end = asked
                if asked_at_end is not None and asked >= asked_at_end + 3:
                    return
                if producer.poll() is not None:
                    raise PipelineError(f"the producer ended with exit code {producer.returncode}")
                time.sleep(POLL_S)
        raise PipelineError(f"the tape did not come to its end within {PATIENCE_S:.0f} s")

    def counts(self) -> Passed:
        """Return what the exchange has of the tape, asked over its own API."""
        symbol = self.market.symbol.replace("/", "")
        state = self.state()
        trades, first_ms = 0, self.began_ms
        page = self._get(f"aggTrades?symbol={symbol}&startTime={first_ms}&limit=1000")
        while page:
            trades += len(page)
            page = self._get(f"aggTrades?symbol={symbol}&fromId={page[-1]['a'] + 1}&limit=1000")
        over_ms = state["now_ms"] // MINUTE_MS * MINUTE_MS
        window = f"startTime={first_ms}&endTime={over_ms - 1}"
        candles = self._get(f"klines?symbol={symbol}&interval=1m&limit=1000&{window}")
        return Passed("exchange", trades, len(candles), None)

    def _get(self, query: str) -> Any:
        with urllib.request.urlopen(f"{self.url}/api/v3/{query}", timeout=30) as answer:  # noqa: S310
            return json.load(answer)


@contextmanager
def _simulator(line: Line, tapes: Sequence[Path]) -> Iterator[_Exchange]:
    port = line.ports.simulator
    options = ["--port", str(port), "--speed", "max", "--step-ms", str(STEP_MS)]
    command = ["include.simulator", *options, "--tape", *map(str, tapes)]
    with _process(line, command, {}) as process:
        url = f"http://127.0.0.1:{port}"
        give_up_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < give_up_s:
            if process.poll() is not None:
                error = Misconfigured if process.returncode == Exit.MISCONFIGURED else PipelineError
                raise error(_last_line(line, "include.simulator"))
            try:
                state = _Exchange(url, MarketKey(EXCHANGE, ""), 0).state()
            except OSError:
                time.sleep(POLL_S)
                continue
            # the tape's clock starts with its first events: a minute earlier is before all of them
            began_ms = (state["now_ms"] // MINUTE_MS - 1) * MINUTE_MS
            yield _Exchange(url, MarketKey(EXCHANGE, state["symbols"][0]), began_ms)
            return
        raise PipelineError("the simulator does not answer")


def _seeded(line: Line, exchange: _Exchange) -> Settings:
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
        writer.write([progress.saved(settings, exchange.market, before)])
    finally:
        writer.close()
    return settings


@contextmanager
def _service(line: Line, settings: Settings, name: str) -> Iterator["subprocess.Popen[bytes]"]:
    told = {
        "PIPELINE_MARKETS": ",".join(map(str, settings.markets)),
        "PIPELINE_EXCHANGE_URL": settings.exchange_url,
        "PIPELINE_POLL_INTERVAL_S": str(settings.poll_interval_s),
        "PIPELINE_HISTORY_BARS": str(settings.history_bars),
        "PIPELINE_TRADES_STREAM": str(settings.trades_stream),
    }
    with _process(line, [f"include.streaming.{name}"], told) as process:
        yield process


@contextmanager
def _process(
    line: Line, command: list[str], told: dict[str, str]
) -> Iterator["subprocess.Popen[bytes]"]:
    environment = line.environment() | told
    python = Path(environment["PATH"].partition(":")[0]) / "python"
    with line.layout.log(command[0]).open("wb") as log:
        process = subprocess.Popen(
            [str(python), "-m", *command],
            cwd=REPOSITORY,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_caught_up(line: Line) -> None:
    figures = access.open_figures(line, with_airflow=False)
    try:
        give_up_s = time.monotonic() + PATIENCE_S
        while figures.kafka.offsets().consumer_lag:
            if time.monotonic() > give_up_s:
                raise PipelineError(_last_line(line, "include.streaming.consumer"))
            time.sleep(POLL_S)
    finally:
        figures.close()


def _drained_and_counted(line: Line, settings: Settings, exchange: _Exchange) -> list[Passed]:
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
        exchange.counts(),
        _in_kafka(settings),
        Passed("PostgreSQL", rows.trades, rows.candles, rows.ticks),
        Passed("InfluxDB", None, None, points),
    ]


def _in_kafka(settings: Settings) -> Passed:
    """Count what `crypto.market` has, every record of it: twice counts twice."""
    trades = candles = ticks = 0
    with LogReader(settings, settings.topic_market) as reader:
        ends = reader.ends()
        reader.seek(reader.beginnings())
        while any(reader.positions()[p] < end for p, end in ends.items()):
            for record in reader.poll(1_000, timeout_s=1.0):
                event = wire.decode(record.value)
                trades += len(event.trades) if isinstance(event, Trades) else 0
                candles += isinstance(event, Candle)
                ticks += isinstance(event, Tick)
    return Passed("Kafka", trades, candles, ticks)


def _check_agree(passed: Sequence[Passed]) -> None:
    for kind in ("trades", "candles", "ticks"):
        counts = {p.place: n for p in passed if (n := getattr(p, kind)) is not None}
        if len(set(counts.values())) != 1:
            found = ", ".join(f"{place} {count}" for place, count in counts.items())
            raise PipelineError(f"expected as many {kind} everywhere, found {found}")


def _last_line(line: Line, name: str) -> str:
    lines = line.layout.log(name).read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"{name} said nothing"
