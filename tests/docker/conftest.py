"""The stack of docker-compose.yaml on a Docker engine, with a project name and ports apart."""

import json
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from local.free_ports import FreePorts
from local.layout import REPOSITORY
from local.ports import LOOPBACK, Ports

PROJECT = "crypto-kpi-pipeline-test"
LABEL = f"label=com.docker.compose.project={PROJECT}"
IMAGE = "crypto-kpi-pipeline:1"
UP_S = 1800  # images may have to be pulled and built
PUBLISHED = ("postgres", "influxdb", "airflow", "grafana")


def docker(*words: str, timeout_s: float = 120) -> str:
    """Run a command of the Docker client to its end and return its output."""
    done = subprocess.run(
        ["docker", *words], cwd=REPOSITORY, capture_output=True, text=True, timeout=timeout_s
    )
    assert done.returncode == 0, f"docker {' '.join(words)}: {done.stderr}"
    return done.stdout.strip()


def left_behind() -> dict[str, list[str]]:
    """Return what the engine holds of this project, by kind."""
    listing = {
        "containers": ("ps", "--all", "--filter", LABEL, "--format", "{{.Names}}"),
        "volumes": ("volume", "ls", "--filter", LABEL, "--format", "{{.Name}}"),
        "networks": ("network", "ls", "--filter", LABEL, "--format", "{{.Name}}"),
    }
    return {kind: docker(*words).splitlines() for kind, words in listing.items()}


def image_id() -> str:
    """Return the id of the image that a build before this one tagged, "" if there is none."""
    return docker("images", "--quiet", "--no-trunc", IMAGE)


def remove_if_dangling(image: str) -> None:
    """Remove the image of an earlier build, which lost its tag to this one, unless it is in use."""
    dangling = docker("images", "--quiet", "--no-trunc", "--filter", "dangling=true").split()
    if image in dangling and not docker("ps", "--all", "--quiet", "--filter", f"ancestor={image}"):
        docker("image", "rm", image)


def request(url: str, *, body: object = None, **headers: str) -> tuple[int, Any]:
    """Return the status and the JSON (or text) of an answer."""
    data = body.encode() if isinstance(body, str) else json.dumps(body).encode() if body else None
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    if data and "Content-Type" not in headers:
        headers["Content-Type"] = "application/json"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, data=data, headers=headers), timeout=30) as a:
            status, text = a.status, a.read().decode()
    except urllib.error.HTTPError as e:
        status, text = e.code, e.read().decode()
    except OSError as e:
        return 0, str(e)
    try:
        return status, json.loads(text)
    except ValueError:
        return status, text


@dataclass
class Stack:
    """The running stack: its commands and its published addresses."""

    environment: dict[str, str]
    ports: Ports

    def compose(self, *words: str, timeout_s: float = 300) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["docker", "compose", *words],
            cwd=REPOSITORY, env=self.environment, capture_output=True, text=True, timeout=timeout_s,
        )  # fmt: skip

    def secret(self, name: str) -> str:
        """Read a secret as docs/docker.md shows it."""
        done = self.compose("exec", "api-server", "cat", f"/var/lib/pipeline/secrets/{name}")
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def url(self, server: str) -> str:
        return f"http://{LOOPBACK}:{getattr(self.ports, server)}"

    def containers(self) -> list[dict[str, Any]]:
        """Return what the engine says of each container, those of ended steps included."""
        ids = docker("ps", "--all", "--quiet", "--filter", LABEL).split()
        found: list[dict[str, Any]] = json.loads(docker("inspect", *ids))
        return found


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Start the demo profile as docs/docker.md says; remove everything of it at the end."""
    assert left_behind() == {"containers": [], "volumes": [], "networks": []}
    before = image_id()
    held = FreePorts()
    ports = held.ports()
    published = {f"{name.upper()}_PORT": str(getattr(ports, name)) for name in PUBLISHED}
    stack = Stack({**os.environ, **published, "COMPOSE_PROJECT_NAME": PROJECT}, ports)
    try:
        up = ("--env-file", "deploy/demo.env", "up", "--build", "--wait")
        done = stack.compose(*up, timeout_s=UP_S)
        logs = "" if done.returncode == 0 else stack.compose("logs", "--tail", "20").stdout
        assert done.returncode == 0, done.stderr + logs
        yield stack
    finally:
        down = stack.compose("--profile", "*", "down", "--volumes")
        held.close()
        remove_if_dangling(before)
    assert down.returncode == 0, down.stderr
    assert "in use" not in down.stderr
    assert left_behind() == {"containers": [], "volumes": [], "networks": []}
    labelled = ("images", "--quiet", "--filter", "dangling=true", "--filter", LABEL)
    assert docker(*labelled) == ""
