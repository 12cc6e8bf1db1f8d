"""The Python environment: a venv with every pinned package of requirements*.txt."""

import os
import platform
import subprocess
import sys
from pathlib import Path

from include.errors import Unavailable
from local.install.component import Component
from local.install.step import Step

ROOT = Path(__file__).parents[2]
UV = Path(__file__).parent / "uv.txt"
REQUIREMENTS = (ROOT / "requirements.txt", ROOT / "requirements-dev.txt")
# Whose values would lead pip or uv to another environment than ours.
MISLEADING = ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "PIP_TARGET", "PIP_PREFIX", "PIP_USER",
              "PIP_REQUIRE_VIRTUALENV", "UV_TARGET", "UV_PREFIX", "UV_SYSTEM_PYTHON")  # fmt: skip


def _build(product: Path, work: Path, step: Step) -> None:
    env = {k: v for k, v in os.environ.items() if k not in MISLEADING}
    base = getattr(sys, "_base_executable", sys.executable)  # of the venv we may be running in
    step.run([base, "-m", "venv", product], "creating the environment", cwd=work, env=env)
    python = product / "bin" / "python"
    pip: list[str | Path] = [python, "-m", "pip", "install", "--no-input", "--retries=2"]
    pinned: list[str | Path] = ["--require-hashes"]
    pinned += [part for file in REQUIREMENTS for part in ("-r", file)]
    step.run([*pip, "--require-hashes", "-r", UV], "fetching uv", cwd=work, env=env)
    uv: list[str | Path] = [product / "bin" / "uv", "pip", "install", "--python", python]
    try:
        step.run([*uv, "--compile-bytecode", *pinned], "installing packages", cwd=work, env=env)
    except Unavailable:  # uv knows nothing of pip's configuration: mirrors, certificates
        step.run([*pip, *pinned], "installing packages with pip", cwd=work, env=env)


def _is_intact(path: Path) -> bool:
    """Return whether the environment's Python still starts; the one it came from may be gone."""
    try:
        command = [str(path / "bin" / "python"), "-I", "-S", "-c", ""]
        return subprocess.run(command, capture_output=True, timeout=30).returncode == 0
    except OSError:
        return False


def component() -> Component:
    """Return the environment for the running interpreter's version; it cannot be moved."""
    return Component(
        name="python",
        title=f"Python {platform.python_version()} environment",
        version=platform.python_version(),
        definition=tuple(file.read_bytes() for file in (*REQUIREMENTS, UV)),
        disk_mb=1200,
        build=_build,
        is_intact=_is_intact,
        movable=False,
    )
