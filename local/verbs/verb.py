"""What a verb is, and how it gets into the environment that `setup` makes."""

import os
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from include.errors import Misconfigured
from local.install import Toolchain, install, toolchain
from local.layout import REPOSITORY

ENTERED = "CRYPTO_KPI_ENTERED"  # set for the start that follows, and taken away by it


def _no_options(parser: ArgumentParser) -> None:
    """Declare nothing."""


@dataclass(frozen=True)
class Verb:
    """
    One verb; `run` returns its exit code, `declare` adds its options to a parser.

    A verb that `forwards` declares none: all it is given goes on, as `arguments`.
    """

    name: str
    summary: str
    run: Callable[[Namespace], int]
    declare: Callable[[ArgumentParser], None] = _no_options
    forwards: bool = False


def enter_environment(*, installing: bool = True) -> Toolchain:
    """
    Return the toolchain, running in its Python: start this command again there if we are not.

    Raises:
        Misconfigured: Nothing is installed, and this is not the time to do it.
        PipelineError: It cannot be installed.
    """
    if os.environ.pop(ENTERED, None):  # we are that second start
        return toolchain()
    tools = install() if installing else toolchain()
    if not tools.python.exists():
        raise Misconfigured("nothing is set up yet: `make setup` does that")
    if Path(sys.prefix).resolve() != tools.python.parent.parent.resolve():
        os.environ[ENTERED] = "1"
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
