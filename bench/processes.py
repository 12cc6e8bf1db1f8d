"""The exchange, the producer and the consumer as processes, as they run in a line."""

import os
import subprocess
import sys
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import psutil
from prometheus_client.parser import text_string_to_metric_families

from bench.pipeline import new_pipeline
from bench.servers import running
from include.errors import PipelineError
from include.settings import PREFIX, Settings
from local.line import Line
from local.ports import LOOPBACK
from local.provision.influxdb import InfluxAdmin

SERVICES = ("producer", "consumer")
MB = 2**20


class Processes:
    """The exchange, the producer and the consumer of *symbols*, on the servers of *line*."""

    def __init__(self, line: Line, settings: Settings, symbols: Sequence[str]) -> None:
        told = {name: str(value) for name, value in settings}
        told |= {
            "markets": ",".join(f"binance:{symbol}" for symbol in symbols),
            "exchange_url": f"http://{LOOPBACK}:{line.ports.simulator}",
            "history_bars": "60",
        }
        ports = line.ports
        self._health = {"producer": ports.producer_health, "consumer": ports.consumer_health}
        told |= {f"{name}_health_port": str(port) for name, port in self._health.items()}
        named = {f"{PREFIX}{name.upper()}": value for name, value in told.items()}
        self._environment = {**os.environ, **named}
        self._symbols = symbols
        self._folder = line.layout.logs
        self._port = line.ports.simulator
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, trades_per_s: int) -> None:
        """Start them; each waits for what it needs by itself."""
        per_minute = trades_per_s * 60 / len(self._symbols)
        exchange = ["--port", str(self._port), "--symbols", ",".join(self._symbols)]
        # The tests' exchange has a past of two hours: a day of so busy a market takes long to make.
        self._start("tests.chaos.exchange", *exchange, "--trades-per-minute", f"{per_minute:.0f}")
        for service in SERVICES:
            self.start_service(service)

    def start_service(self, service: str) -> None:
        """Start one of SERVICES."""
        self._start(f"include.streaming.{service}")

    def _start(self, module: str, *arguments: str) -> None:
        name = module.rpartition(".")[2]
        with (self._folder / f"{name}.log").open("wb") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                env=self._environment, stdout=log, stderr=log,
            )  # fmt: skip

    def kill(self, service: str) -> None:
        """SIGKILL it; return once it is gone."""
        self.running[service].kill()
        self.running[service].wait()

    def memory_mb(self, service: str) -> float:
        """
        Return what the process holds.

        Raises:
            PipelineError: It has ended.
        """
        process = self.running[service]
        if process.poll() is not None:
            last = (self._folder / f"{service}.log").read_text("utf-8").splitlines()[-1:]
            raise PipelineError(f"the {service} ended with {process.returncode}: {last}")
        return float(psutil.Process(process.pid).memory_info().rss / MB)

    def metrics(self, service: str) -> Mapping[str, float]:
        """
        Return the sums over all labels of what its /metrics says.

        Raises:
            OSError: It does not listen.
        """
        url = f"http://{LOOPBACK}:{self._health[service]}/metrics"
        with urllib.request.urlopen(url, timeout=10) as answer:
            families = list(text_string_to_metric_families(answer.read().decode()))
        found: defaultdict[str, float] = defaultdict(float)
        for sample in (sample for family in families for sample in family.samples):
            found[sample.name] += sample.value
        return found

    def end(self) -> None:
        """Have them all stop; return once they have."""
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            process.wait(60)


@contextmanager
def flowing(symbols: Sequence[str], trades_per_s: int) -> Iterator[Processes]:
    """Start servers of their own and the processes on them; yield these, end all."""
    with running("kafka", "influxdb") as line:
        admin = InfluxAdmin(line.layout, line.ports)
        admin.sign_in()
        processes = Processes(line, new_pipeline(line, admin), symbols)
        try:
            processes.start(trades_per_s)
            yield processes
        finally:
            processes.end()
