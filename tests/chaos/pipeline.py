"""A pipeline in processes of its own: exchange, producer, consumer, drains."""

import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from include.broker.topics import ensure_topics
from include.settings import PREFIX, Settings
from local.free_ports import FreePorts
from tests.chaos.servers import eventually
from tests.chaos.verifier import Stores, Verdict, verify
from tests.chaos.verifier.exchange import Exchange
from tests.chaos.verifier.influxdb import Influx
from tests.chaos.verifier.postgres import Postgres
from tests.streaming.consuming import wait_until_saved

STOP_S = 90
HISTORY_BARS = 60
CATCH_UP_S = 300.0


class Pipeline:
    """
    The processes of the pipeline of *settings*, each started, killed and stopped by name.

    Attributes:
        told: Variables for processes to come, beside the environment's.
        ends: Which processes ended by themselves, and were started again.
    """

    def __init__(
        self,
        settings: Settings,
        environment: Mapping[str, str],
        folder: Path,
        reader_token: str,
        exchange_url: str,
        ports: FreePorts,
    ) -> None:
        self.settings = settings
        self.folder = folder
        self.told = {
            "EXCHANGE_URL": exchange_url,
            "POLL_INTERVAL_S": "1",
            "HISTORY_BARS": str(HISTORY_BARS),
        }
        self.exchange = Exchange(exchange_url)
        self._environment = environment
        self.ends: list[str] = []
        self._token = reader_token
        self._ports = ports
        self._health_ports: dict[str, int] = {}
        self._logs: dict[str, Path] = {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def symbols(self) -> list[str]:
        markets = self.told.get("MARKETS")
        if markets:
            return [market.partition(":")[2] for market in markets.split(",")]
        return [market.symbol for market in self.settings.markets]

    def start(
        self, name: str, *, command: Sequence[str] = (sys.executable,), **told: str
    ) -> subprocess.Popen[bytes]:
        """Start "producer", "consumer" or "consumer 2"; its output goes to a log of that name."""
        assert name not in self._running
        service, _, _ = name.partition(" ")
        port = self._health_port(name)
        told = {f"{service.upper()}_HEALTH_PORT": str(port), **told}
        with self.log(name).open("ab") as log:
            self._running[name] = subprocess.Popen(
                [*command, "-m", f"include.streaming.{service}"],
                env=self.environment(**told), stdout=log, stderr=log,
            )  # fmt: skip
        return self._running[name]

    def _health_port(self, name: str) -> int:
        """Return its own, always the same: a consumer's group knows it by that."""
        if name not in self._health_ports:
            self._health_ports[name] = self._ports.take()
        return self._health_ports[name]

    def environment(self, **told: str) -> dict[str, str]:
        named = {f"{PREFIX}{k}": v for k, v in (self.told | told).items()}
        return {**self._environment, **named}

    def log(self, name: str) -> Path:
        return self._logs.get(name, self.folder / f"{name}.log")

    def log_to(self, name: str, path: Path) -> None:
        """Send the output of the process to *path*."""
        self._logs[name] = path

    def said(self, name: str) -> str:
        path = self.log(name)
        return path.read_text(errors="replace") if path.is_file() else ""

    def running(self, name: str) -> psutil.Process:
        """Return the process; one that has ended by itself is a failure."""
        process = self._running[name]
        assert process.poll() is None, f"{name} ended by itself: {self.said(name)[-2000:]}"
        return psutil.Process(process.pid)

    def kill(self, name: str) -> None:
        self.running(name).kill()
        self._running.pop(name).wait(STOP_S)

    def restart_if_ended(self, name: str) -> None:
        """Start a service that ended by itself, as the supervisor does; `ends` has its code."""
        if (code := self._running[name].poll()) is not None:
            self.ends.append(f"{name} ended by itself with {code}")
            del self._running[name]
            self.start(name)

    def stop(self, name: str, within_s: float = STOP_S) -> None:
        """Ask the process to end; it has to, in good order."""
        self.running(name).send_signal(signal.SIGTERM)
        code = self._running[name].wait(within_s)
        del self._running[name]
        assert code == 0, f"{name} ended with {code}: {self.said(name)[-2000:]}"

    def ended(self, name: str) -> int:
        """Return the exit code of a process that is expected to end by itself."""
        return self._running.pop(name).wait(CATCH_UP_S)

    def drain(self, **told: str) -> subprocess.CompletedProcess[str]:
        """Run the drain's command once."""
        return subprocess.run(
            [sys.executable, "-m", "include.warehouse.drain"],
            env=self.environment(**told), capture_output=True, text=True, timeout=300,
        )  # fmt: skip

    def drained(self) -> None:
        """Drain to the end of the topic."""
        caught_up = False
        while not caught_up:
            run = self.drain()
            assert run.returncode == 0, run.stderr
            caught_up = json.loads(run.stdout)["caught_up"]

    def newest_snapshot_ms(self) -> int:
        """Return up to when InfluxDB has snapshots of all symbols."""
        influx = self.stores_influx()
        return min(influx.newest_ms("crypto_prices", symbol) for symbol in self.symbols)

    def await_stored(self, until_ms: int | None = None, timeout_s: float = CATCH_UP_S) -> int:
        """Return once InfluxDB has a snapshot of each symbol after *until_ms*, by default now."""
        until_ms = self.exchange.now_ms() if until_ms is None else until_ms
        eventually(
            lambda: self.newest_snapshot_ms() > until_ms,
            lambda: (
                f"snapshots after {until_ms}; {self._last('producer')} {self._last('consumer')}"
            ),
            timeout_s=timeout_s,
            pause_s=0.5,
        )
        return until_ms

    def use_broker(self, bootstrap: str) -> None:
        """Go on with another, empty broker."""
        self.settings = self.settings.model_copy(update={"kafka_bootstrap": bootstrap})
        self.told["KAFKA_BOOTSTRAP"] = bootstrap
        ensure_topics(self.settings)

    def settle(self) -> Verdict:
        """Let all that the exchange has by now come to rest in the stores; verify it."""
        until_ms = self.await_stored()
        self.stop("producer")
        wait_until_saved(self.settings, CATCH_UP_S)
        self.stop("consumer")
        self.drained()
        return self.verdict(until_ms)

    def verdict(self, until_ms: int) -> Verdict:
        postgres = self.stores_postgres()
        try:
            return verify(
                self.exchange,
                Stores(postgres, self.stores_influx()),
                self.symbols,
                history_bars=HISTORY_BARS,
                until_ms=until_ms,
            )
        finally:
            postgres.close()

    def stores_influx(self) -> Influx:
        s = self.settings
        return Influx(s.influx_url, s.influx_org, s.influx_bucket, self._token)

    def stores_postgres(self) -> Postgres:
        s = self.settings
        return Postgres(
            f"host={s.postgres_host} port={s.postgres_port} dbname={s.postgres_database}"
            f" user={s.postgres_user} passfile={s.postgres_passfile}"
        )

    def close(self) -> None:
        for process in self._running.values():
            process.kill()
            process.wait(STOP_S)
        self._running.clear()

    def _last(self, name: str) -> str:
        return f"{name}: {self.said(name)[-300:]}"


@contextmanager
def simulator(
    port: int, folder: Path, *options: str, module: str = "tests.chaos.exchange"
) -> Iterator[str]:
    """Run the simulated exchange as a process; yield its address once it answers."""
    command = [sys.executable, "-m", module, "--port", str(port), *options]
    with (folder / "simulator.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        eventually(
            lambda: process.poll() is not None or _answers(url), "the simulator", timeout_s=60
        )
        assert process.poll() is None, (folder / "simulator.log").read_text()
        yield url
    finally:
        process.terminate()
        process.wait(STOP_S)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/api/v3/time", timeout=5):
            return True
    except OSError:
        return False


def flow(duration_s: float) -> None:
    """Let data flow: the length of a fault or of the calm around it, not a wait for something."""
    time.sleep(duration_s)
