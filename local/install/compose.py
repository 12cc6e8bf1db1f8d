"""What Docker Compose reads its files with, for the tests of docker-compose.yaml."""

import os
import shutil
from pathlib import Path

from local.install.component import Component
from local.install.go import go_environment
from local.install.step import Step

HERE = Path(__file__).parent / "compose"
VERSION = "2.9.1"  # of compose-go; Docker Compose 2.40 is built on it
SOURCES = ("go.mod", "go.sum", "main.go")
PROGRAM = "compose-config"


def _build(product: Path, work: Path, step: Step) -> None:
    for name in SOURCES:
        shutil.copy(HERE / name, work / name)
    env = go_environment(work, cgo=False)
    compile_it: list[str | Path] = ["go", "build", "-v", "-trimpath", "-o", product / PROGRAM, "."]
    step.run(compile_it, "compiling compose-go (Go)", cwd=work, env=env)


def _is_intact(path: Path) -> bool:
    return os.access(path / PROGRAM, os.X_OK)


def component() -> Component:
    """Return a folder with the program compose-config."""
    return Component(
        name="compose",
        title=f"compose-go {VERSION}",
        version=VERSION,
        definition=tuple((HERE / name).read_bytes() for name in SOURCES),
        disk_mb=300,
        build=_build,
        is_intact=_is_intact,
    )
