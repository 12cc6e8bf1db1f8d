"""A broker of a test's own that asks for TLS and a password (SCRAM)."""

import base64
import subprocess
import uuid
from pathlib import Path

import psutil

from local.free_ports import FreePorts
from local.install import Toolchain
from local.kafka_config import kafka_command, kafka_properties, properties_file
from local.layout import Layout
from local.ports import LOOPBACK
from tests.security.certificates import Authority

STOP_S = 30
USER = "pipeline"
LISTENER_OPTIONS = {
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL,PLAIN:PLAINTEXT",
    "inter.broker.listener.name": "PLAIN",
    "sasl.enabled.mechanisms": "SCRAM-SHA-512",
    "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": (
        "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    ),
    "ssl.keystore.type": "PEM",
}


class SecuredBroker:
    """
    Kafka that lets in USER with *password*, over TLS; its own needs have a plain listener.

    Attributes:
        bootstrap: Where it listens with SASL_SSL.
        plain: Where it listens without.
    """

    def __init__(
        self,
        root: Path,
        ports: FreePorts,
        toolchain: Toolchain,
        authority: Authority,
        password: str,
    ) -> None:
        self._layout = Layout(root)
        self._ports = ports.ports()
        self._toolchain = toolchain
        self._authority = authority
        self._password = password
        self._process: subprocess.Popen[bytes] | None = None
        self.bootstrap = f"{LOOPBACK}:{self._ports.kafka}"
        self.plain = f"{LOOPBACK}:{ports.take()}"

    def start(self) -> None:
        """Start it; it answers later."""
        self._layout.create()
        properties_file(self._layout).write_text(self._properties())
        self._format()
        command = kafka_command(self._toolchain.java, self._toolchain.kafka_libs, self._layout)
        with self._layout.log("kafka").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)

    def said(self) -> str:
        return self._layout.log("kafka").read_text()

    def stop(self) -> None:
        if self._process is not None and psutil.pid_exists(self._process.pid):
            self._process.kill()
            self._process.wait(STOP_S)

    def _properties(self) -> str:
        key, certificate = self._authority.server()
        store = self._layout.secret("kafka.pem")
        store.touch(mode=0o600)
        store.write_text(key.read_text() + certificate.read_text())
        listeners = f"SASL_SSL://{self.bootstrap},PLAIN://{self.plain}"
        options = LISTENER_OPTIONS | {"ssl.keystore.location": str(store)}
        text = kafka_properties(self._layout, self._ports)
        lines = [line for line in text.splitlines() if line.partition("=")[0] not in options]
        lines += [f"{name}={value}" for name, value in options.items()]
        return "\n".join(lines).replace(f"PLAINTEXT://{self.bootstrap}", listeners) + "\n"

    def _format(self) -> None:
        """Format its storage, the user in it from the start."""
        java = [str(self._toolchain.java), "-cp", f"{self._toolchain.kafka_libs}/*"]
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        user = f"SCRAM-SHA-512=[name={USER},password={self._password}]"
        command = [*java, "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}"]
        command += ["--config", str(properties_file(self._layout)), "--add-scram", user]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
