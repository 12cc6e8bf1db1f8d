"""What a verb is, and how it gets into the environment that `setup` makes."""

import os
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from local.install import Toolchain, install
from local.layout import REPOSITORY


def _no_options(parser: ArgumentParser) -> None:
    """Declare nothing."""


@dataclass(frozen=True)
class Verb:
    """One verb; `run` returns its exit code, `declare` adds its options to a parser."""

    name: str
    summary: str
    run: Callable[[Namespace], int]
    declare: Callable[[ArgumentParser], None] = _no_options


def enter_environment(tools: Toolchain | None = None) -> Toolchain:
    """
    Return the toolchain, running in its Python: start this command again there if we are not.

    Without `tools`, install what is missing first.

    Raises:
        PipelineError: It cannot be installed.
    """
    tools = tools or install(console=None)
    if Path(sys.prefix).resolve() != tools.python.parent.parent.resolve():
        replace_process(tools, "local", *sys.argv[1:])
    return tools


def replace_process(tools: Toolchain, module: str, *arguments: str) -> NoReturn:
    """Become a module of the toolchain's Python, in the repository."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.chdir(REPOSITORY)
    os.execv(tools.python, [str(tools.python), "-m", module, *arguments])  # noqa: S606 - no shell wanted


def run_module(tools: Toolchain, module: str, *arguments: str) -> int:
    """Run a module of the toolchain's Python in the repository; return its exit code."""
    return subprocess.run([tools.python, "-m", module, *arguments], cwd=REPOSITORY).returncode
