"""Docker Compose, for the tests of docker-compose.yaml and of the commands that documents tell."""

import os
import shutil
from pathlib import Path

from local.install.component import Component
from local.install.go import go_environment
from local.install.step import Step

HERE = Path(__file__).parent / "compose"
VERSION = "2.40.3"  # as in its go.mod
SOURCES = ("go.mod", "go.sum")
PACKAGE = "github.com/docker/compose/v2"
PROGRAM = "docker-compose"


def _build(product: Path, work: Path, step: Step) -> None:
    for name in SOURCES:
        shutil.copy(HERE / name, work / name)
    env = go_environment(work, cgo=False)
    named = f"-X {PACKAGE}/internal.Version=v{VERSION}"
    compile_it: list[str | Path] = ["go", "build", "-v", "-trimpath", "-ldflags", named]
    compile_it += ["-o", product / PROGRAM, f"{PACKAGE}/cmd"]
    step.run(compile_it, "compiling Docker Compose (Go)", cwd=work, env=env)


def _is_intact(path: Path) -> bool:
    return os.access(path / PROGRAM, os.X_OK)


def component() -> Component:
    """Return a folder with the program docker-compose."""
    return Component(
        name="compose",
        title=f"Docker Compose {VERSION}",
        version=VERSION,
        definition=tuple((HERE / name).read_bytes() for name in SOURCES),
        disk_mb=1600,
        build=_build,
        is_intact=_is_intact,
    )
