"""Servers to strike: killed, frozen, stopped and brought back."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import psutil

from local.line import Line
from local.readiness import influxdb_answers, kafka_answers, postgres_answers
from local.services import SERVERS
from tests import waiting

TIMEOUT_S = 240.0
eventually = partial(waiting.eventually, timeout_s=TIMEOUT_S, pause_s=0.2)


class Servers:
    """Kafka, PostgreSQL and InfluxDB of a line whose supervisor restarts what is killed."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self._frozen: list[psutil.Process] = []

    def pid(self, name: str) -> int:
        return next(s.pid for s in self.line.supervisor.states() if s.name == name)

    def strike(self, name: str, number: signal.Signals = signal.SIGKILL) -> bool:
        """Send the signal, by default the one that kills; False if it was down just then."""
        pid = self.pid(name)
        if pid:
            os.kill(pid, number)
        return bool(pid)

    def stop(self, *names: str) -> None:
        self.line.supervisor.stop_services(names, TIMEOUT_S)

    def start(self, *names: str) -> None:
        self.line.supervisor.start_services(names)
        for name in names:
            self.await_answer(name)

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """Keep the server and its children from running."""
        server = psutil.Process(self.pid(name))
        self._frozen = [server, *server.children(recursive=True)]
        for process in self._frozen:
            process.suspend()
        try:
            yield
        finally:
            self.thaw()

    def thaw(self) -> None:
        for process in self._frozen:
            if process.is_running():
                process.resume()
        self._frozen = []

    def await_answer(self, name: str) -> None:
        answers = {
            "kafka": lambda: kafka_answers(self.line.ports),
            "postgres": lambda: postgres_answers(self.line.layout, self.line.ports),
            "influxdb": lambda: influxdb_answers(self.line.ports),
        }
        eventually(answers[name], f"{name} to answer")

    def restore(self) -> None:
        """Return once all run and answer."""
        self.thaw()
        self.start(*SERVERS)
