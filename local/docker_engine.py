"""Docker on this machine: whether an engine and a Compose that are new enough answer."""

import json
import shutil
import subprocess

from include.errors import Misconfigured

ENGINE = "Docker Engine 25 or newer"
MIN_API = (1, 44)  # Engine 25's, the first with `start_interval` in a health check
MIN_COMPOSE = (2, 24)  # the first that reads `env_file` and `depends_on` as the file uses them
TIMEOUT_S = 30


def require_engine() -> None:
    """
    Return if an engine answers and the client has Compose.

    Raises:
        Misconfigured: No client, no engine, or one that is too old; what to install or start.
    """
    if shutil.which("docker") is None:
        raise Misconfigured(f"{ENGINE} is needed, found no program `docker`: install Docker")
    code, text = _run("version", "--format", "{{json .Server}}")
    if code != 0:
        raise Misconfigured(f"{ENGINE} is needed, none answers ({_last(text)}): start Docker")
    server = json.loads(text.splitlines()[-1])
    if _numbers(server["ApiVersion"]) < MIN_API:
        raise Misconfigured(f"{ENGINE} is needed, found {server['Version']}: update Docker")
    code, text = _run("compose", "version", "--short")
    if code != 0 or _numbers(text.strip().lstrip("v")) < MIN_COMPOSE:
        found = text.strip() if code == 0 else "none"
        raise Misconfigured(
            f"Docker Compose {'.'.join(map(str, MIN_COMPOSE))} or newer is needed, "
            f"found {found}: install the package docker-compose-plugin"
        )


def _run(*words: str) -> tuple[int, str]:
    try:
        done = subprocess.run(["docker", *words], capture_output=True, text=True, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return 1, f"no answer within {TIMEOUT_S} s"
    return done.returncode, done.stdout if done.returncode == 0 else done.stdout + done.stderr


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("-")[0].split(".")[:2] if part.isdecimal())


def _last(text: str) -> str:
    return (text.strip().splitlines() or ["no output"])[-1]
