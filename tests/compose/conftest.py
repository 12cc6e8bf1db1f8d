"""docker-compose.yaml as compose-go understands it, which Docker Compose is built on."""

import json
import os
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from local.install import install
from local.layout import REPOSITORY

FILE = REPOSITORY / "docker-compose.yaml"
PROFILES = {"live": os.devnull, "demo": "deploy/demo.env", "scale": "deploy/scale.env"}

type Services = dict[str, dict[str, Any]]
type Config = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def config() -> Config:
    """The file as it is for a profile, in an environment that tells it nothing else."""
    program = install(["compose"]).compose

    def run(profile: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, FILE, PROFILES[profile]], cwd=REPOSITORY, env=bare(environment),
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    return run


def bare(environment: dict[str, str]) -> dict[str, str]:
    """Return *environment* with the least a program needs."""
    return {"PATH": os.environ["PATH"], "HOME": os.devnull, **environment}


@pytest.fixture(scope="session", params=PROFILES)
def services(request: pytest.FixtureRequest, config: Config) -> Services:
    """The services of a profile."""
    return _services(config, request.param)


@pytest.fixture(scope="session")
def every_service(config: Config) -> Services:
    """The services of all profiles."""
    found: Services = {}
    for profile in PROFILES:
        found |= _services(config, profile)
    return found


def _services(config: Config, profile: str) -> Services:
    done = config(profile)
    assert done.returncode == 0, done.stderr
    found: Services = json.loads(done.stdout)["services"]
    return found
