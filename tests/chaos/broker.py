"""A broker of a test's own, which tells its clients that it is somewhere else."""

import subprocess
from dataclasses import replace
from pathlib import Path

from local.free_ports import FreePorts
from local.install import Toolchain
from local.kafka_config import kafka_command, prepare_kafka, properties_file
from local.layout import Layout
from local.ports import LOOPBACK
from local.readiness import kafka_answers
from tests.chaos.servers import eventually

STOP_S = 30


class Broker:
    """Kafka on a free port, advertised as *advertised_port*, where a proxy listens."""

    def __init__(
        self, root: Path, ports: FreePorts, toolchain: Toolchain, *, advertised_port: int
    ) -> None:
        self._layout = Layout(root)
        self._ports = ports.ports()
        self._toolchain = toolchain
        self._advertised_port = advertised_port
        self._process: subprocess.Popen[bytes] | None = None
        self.port = self._ports.kafka

    def start(self) -> None:
        """Return once it answers, through the proxy."""
        java, libraries = self._toolchain.java, self._toolchain.kafka_libs
        self._layout.create()
        prepare_kafka(java, libraries, self._layout, self._ports)
        properties = properties_file(self._layout)
        advertised = f"advertised.listeners=PLAINTEXT://{LOOPBACK}:"
        text = properties.read_text().replace(
            f"{advertised}{self.port}", f"{advertised}{self._advertised_port}"
        )
        properties.write_text(text)
        with self._layout.log("kafka").open("ab") as log:
            self._process = subprocess.Popen(
                kafka_command(java, libraries, self._layout), stdout=log, stderr=log
            )
        there = replace(self._ports, kafka=self._advertised_port)
        eventually(lambda: kafka_answers(there), "the broker")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOP_S)
