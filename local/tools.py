"""The tools that setting up and running the servers needs: found or not, and how to get them."""

import importlib.util
import os
import re
import shutil
import sys
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from include.errors import Misconfigured
from local.console import Console
from local.program_output import read_output
from local.rust import MINIMUM as RUST_MINIMUM
from local.rust import rust_environment

COMPONENTS = ("python", "kafka", "postgres", "influxd", "charts")
# Components the rest does without, where the program that fetches them is not there.
OPTIONAL = {"charts": "npm"}
PYTHONS = ((3, 12), (3, 13))
MODULES = ("_bz2", "_ctypes", "_lzma", "_sqlite3", "_ssl", "ensurepip")  # optional in a build


@dataclass(frozen=True)
class Tool:
    """
    A program that must be there.

    Attributes:
        needed_by: The components whose set-up uses it; empty: needed even when all is set up.
        minimum: Lowest version that works; empty: any.
        pattern: Finds the version in what `program argument` prints; None: nothing is run.
    """

    program: str
    purpose: str
    hint: str
    needed_by: tuple[str, ...] = ()
    minimum: tuple[int, ...] = ()
    argument: str = "--version"
    pattern: str | None = r"(\d+(?:\.\d+)+)"


@dataclass(frozen=True)
class ToolReport:
    """One tool: where and in which version it was found, and what is wrong, if anything is."""

    name: str
    purpose: str
    found: str
    path: str
    problem: str
    needed: bool

    @property
    def line(self) -> str:
        if self.problem and self.needed:
            return self.problem
        state = "ok" if not self.problem else "absent, not needed: what it makes is there"
        return f"{self.name} {self.found} {self.path}".rstrip() + f" ({self.purpose}): {state}"


def java() -> str:
    """Return the path of `java`: JAVA_HOME's if that is set, else the one on PATH, else "java"."""
    home = os.environ.get("JAVA_HOME")
    return shutil.which(f"{home}/bin/java" if home else "java") or shutil.which("java") or "java"


def c_compiler() -> str:
    """Return the C compiler that Go will call: CC, else gcc, else clang."""
    clang_alone = shutil.which("clang") and not shutil.which("gcc")
    return os.environ.get("CC") or ("clang" if clang_alone else "gcc")


def check_tools(to_build: Collection[str] = COMPONENTS) -> list[ToolReport]:
    """Look at every tool; the ones that only other components' set-up uses are not `needed`."""
    tools = _tools()
    with ThreadPoolExecutor(len(tools)) as pool:
        reports = list(pool.map(lambda tool: _look(tool, to_build), tools))
    return [_platform(), _python("python" in to_build or "postgres" in to_build), *reports]


def lacking(names: Iterable[str]) -> dict[str, str]:
    """Return the optional components of *names* that cannot be had, and the program they lack."""
    return {
        name: OPTIONAL[name]
        for name in names
        if name in OPTIONAL and shutil.which(OPTIONAL[name]) is None
    }


def require_tools(reports: Sequence[ToolReport]) -> None:
    """
    Return if nothing needed is missing.

    Raises:
        Misconfigured: With one line for each tool to install.
    """
    problems = [report.problem for report in reports if report.problem and report.needed]
    if problems:
        raise Misconfigured("\n".join(problems))


def print_tools(reports: Sequence[ToolReport], console: Console) -> None:
    """Print a line for each tool, the missing ones with what to do."""
    for report in reports:
        console.say(report.line)


def _tools() -> list[Tool]:
    tools = [
        Tool("java", "runs Kafka", "apt install openjdk-17-jre-headless, or any Java 17 or newer",
             (), (17,), "-version", r'version "(\d[\d.]*)'),
        Tool("mvn", "fetches Kafka and PostgreSQL", "apt install maven, or any Maven 3.6 or newer",
             ("kafka", "postgres"), (3, 6), "--version", r"Maven (\d[\d.]*)"),
        Tool("go", "builds InfluxDB", "get it from the Go project's site (distributions have older "
             "ones) and put its bin folder on PATH", ("influxd", "compose"), (1, 25, 10), "version",
             r"go(\d[\d.]*)"),
        Tool("cargo", "builds InfluxDB's query language", "rustup toolchain install stable, or apt "
             "install cargo (Debian 13 or newer)", ("influxd",), RUST_MINIMUM),
        Tool("rustc", "builds InfluxDB's query language", "rustup toolchain install stable, or apt "
             "install rustc (Debian 13 or newer)", ("influxd",), RUST_MINIMUM),
        Tool(c_compiler(), "C compiler, builds InfluxDB", "apt install build-essential, or set CC",
             ("influxd",)),
    ]  # fmt: skip
    if os.geteuid() == 0:
        purpose = "runs PostgreSQL, which refuses to be root, as nobody"
        tools.append(Tool("setpriv", purpose, "apt install util-linux, or do not be root",
                          pattern=None))  # fmt: skip
    return tools


def _look(tool: Tool, to_build: Collection[str]) -> ToolReport:
    path = java() if tool.program == "java" else tool.program
    path = shutil.which(path) or ""
    found = _version(path, tool) if path and tool.pattern else ""
    problem = _problem(tool, path, found)
    needed = not tool.needed_by or any(name in to_build for name in tool.needed_by)
    return ToolReport(tool.program, tool.purpose, found, path, problem, needed)


def _version(path: str, tool: Tool) -> str:
    environment = rust_environment() if tool.program in ("cargo", "rustc") else {}
    printed = read_output(
        [path, tool.argument], {**environment, "GOTOOLCHAIN": "local"}, with_errors=True
    )
    match = re.search(str(tool.pattern), re.sub(r"\x1b\[[\d;]*m", "", printed))
    return match[1].rstrip(".") if match else ""


def _problem(tool: Tool, path: str, found: str) -> str:
    wanted = " ".join([tool.program, ".".join(map(str, tool.minimum))]).strip()
    wanted += " or newer" if tool.minimum else ""
    if not path:
        state = "found none"
    elif tool.pattern and not found:
        state = f"{path} does not run"
    elif found and tuple(map(int, found.split("."))) < tool.minimum:
        state = f"found {found} ({path})"
    else:
        return ""
    return f"{wanted} is needed ({tool.purpose}), {state}: {tool.hint}"


def _platform() -> ToolReport:
    system, machine, release = sys.platform, os.uname().machine, os.uname().release
    problem = ""
    if system != "linux" or machine not in ("x86_64", "aarch64"):
        problem = (
            f"Linux on x86_64 or aarch64 is needed, found {system} on {machine}: "
            "run the stack with `docker compose up` instead (docs/docker.md)"
        )
    elif release.endswith("-Microsoft"):  # WSL 1; WSL 2 is a Linux, "-microsoft-standard-WSL2"
        problem = (
            f"a Linux kernel is needed, found WSL 1 ({release}): `wsl --set-version <name> 2`, "
            "or run the stack with `docker compose up` (docs/docker.md)"
        )
    return ToolReport("platform", "all servers", f"{system} {machine}", "", problem, needed=True)


def _python(modules_matter: bool) -> ToolReport:
    found = ".".join(map(str, sys.version_info[:3]))
    problem = ""
    missing = [name.strip("_") for name in MODULES if importlib.util.find_spec(name) is None]
    if sys.version_info[:2] not in PYTHONS:
        problem = (
            f"Python 3.12 or 3.13 is needed, this is {found} ({sys.executable}): run it through "
            "make or `sh local/python`, which find one, or set PYTHON"
        )
    elif missing and modules_matter:
        problem = (
            f"this Python ({sys.executable}) lacks {', '.join(missing)}: apt install "
            f"python{found.rpartition('.')[0]}-venv (Debian, Ubuntu), or take a complete Python"
        )
    return ToolReport("python", "everything", found, sys.executable, problem, needed=True)
