"""docker-compose.yaml as Docker Compose understands it."""

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
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """The file as it is for a profile, in an environment that tells it nothing else."""
    program, home = install(["compose"]).compose, tmp_path_factory.mktemp("home")

    def run(profile: str, **environment: str) -> subprocess.CompletedProcess[str]:
        file = ["--file", FILE, "--env-file", PROFILES[profile]]
        return subprocess.run(
            [program, *file, "config", "--format", "json"],
            cwd=REPOSITORY, env={"PATH": os.environ["PATH"], "HOME": str(home), **environment},
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    return run


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
    told = done.stdout.replace("$$", "$")  # as it is written to be read by Compose again
    found: Services = json.loads(told)["services"]
    return found
