"""Kafka: one node that is broker and controller, for one machine."""

import base64
import os
import subprocess
import uuid
from pathlib import Path

from include.errors import PipelineError
from local.layout import Layout
from local.ports import LOOPBACK, Ports

HEAP = ("-Xms128m", "-Xmx512m")
LOGGING = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSZ",
)
# Topics of Kafka's own: one copy each, there being one node.
INTERNAL_TOPICS = {
    "offsets.topic.replication.factor": 1,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    "offsets.topic.num.partitions": 10,
    "transaction.state.log.num.partitions": 10,
}


def kafka_properties(layout: Layout, ports: Ports) -> str:
    """Return server.properties."""
    address, controller = f"{LOOPBACK}:{ports.kafka}", f"{LOOPBACK}:{ports.kafka_controller}"
    properties = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@{controller}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{address},CONTROLLER://{controller}",
        "advertised.listeners": f"PLAINTEXT://{address}",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "log.dirs": str(layout.kafka_data).replace("\\", "\\\\"),
        "group.initial.rebalance.delay.ms": 0,
        "auto.create.topics.enable": "false",
        **INTERNAL_TOPICS,
    }
    return "".join(f"{name}={value}\n" for name, value in properties.items())


def properties_file(layout: Layout) -> Path:
    return layout.run / "server.properties"


def kafka_command(java: str, libraries: Path, layout: Layout) -> list[str]:
    """Return the command that runs the server."""
    scratch = f"-Djava.io.tmpdir={layout.run / 'tmp'}"
    options = [*HEAP, *LOGGING, scratch, "-XX:-UsePerfData", "-XX:+ExitOnOutOfMemoryError"]
    return [java, *options, "-cp", f"{libraries}/*", "kafka.Kafka", str(properties_file(layout))]


def prepare_kafka(java: str, libraries: Path, layout: Layout, ports: Ports) -> None:
    """
    Write the configuration, and format the storage if it is new.

    Raises:
        PipelineError: Formatting failed; the message says why.
    """
    properties_file(layout).write_text(kafka_properties(layout, ports), encoding="utf-8")
    if (layout.kafka_data / "meta.properties").exists():
        return
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    tool = [java, "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-cp", f"{libraries}/*"]
    # one word: one id in 64 begins with a hyphen, which would be taken for an option
    options = [f"--cluster-id={cluster}", "--config", str(properties_file(layout))]
    tool += ["kafka.tools.StorageTool", "format", *options]
    done = subprocess.run(tool, capture_output=True, text=True, env=_bare_environment())
    layout.log("kafka-format").write_text(done.stdout + done.stderr, encoding="utf-8")
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise PipelineError(f"Kafka's storage {layout.kafka_data} cannot be formatted: {last}")


def _bare_environment() -> dict[str, str]:
    """Leave out JAVA_TOOL_OPTIONS and the like, which would print into the output."""
    return {"PATH": os.environ.get("PATH", os.defpath)}
