"""Servers that are installed on this machine already, used instead of what set-up would install."""

import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from local.configuration import read_variables
from local.layout import REPOSITORY
from local.program_output import read_output

IGNORED = "none"  # value of a variable that excludes what is installed
POSTGRES_PLACES = (  # where packages put servers that are not on PATH
    "/usr/lib/postgresql/*/bin/postgres",
    "/usr/pgsql-*/bin/postgres",
)
KAFKA_STARTERS = ("kafka-server-start.sh", "kafka-server-start")  # Apache's name, Homebrew's

type Version = tuple[int, ...]


@dataclass(frozen=True)
class Server:
    """
    A server that may be installed.

    Attributes:
        component: Name of the component that set-up would install instead.
        title: The server's own name.
        variable: Variable of `.env` that names an installation.
        expected: Kind of path that the variable holds.
        oldest: First version that works.
        newest: Last one; a longer version of the same beginning (17.6 for 17) is included.
        candidates: Yields the installations on this machine, the preferred ones first.
        locate: Returns the path for the toolchain, given what the variable or a candidate names.
        version: Returns the version of what was located, "" if it does not run.
    """

    component: str
    title: str
    variable: str
    expected: str
    oldest: Version
    newest: Version
    candidates: Callable[[], Iterator[Path]]
    locate: Callable[[Path], Path]
    version: Callable[[Path], str]

    @property
    def range(self) -> str:
        return f"{_dotted(self.oldest)} to {_dotted(self.newest)}"

    def suits(self, version: str) -> bool:
        """Return whether a version is in the range."""
        numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:3])
        return bool(numbers) and self.oldest <= numbers[: len(self.newest)] <= self.newest


@dataclass(frozen=True)
class Installed:
    """
    An installation that was looked at.

    Attributes:
        path: For InfluxDB the program, for PostgreSQL the folder with `bin`, for Kafka the folder
            of its jars.
        problem: Why it cannot be used, with what to do; empty if it can.
        is_named: Whether a variable of `.env` names it.
    """

    server: Server
    path: Path
    version: str
    problem: str
    is_named: bool


@cache
def find_named(component: str) -> Installed | None:
    """Return the installation that `.env` names for a component, None if it names none."""
    server = _server_of(component)
    value = _variable(server) if server else ""
    if server is None or value in ("", IGNORED):
        return None
    return _examine(server, Path(value), is_named=True)


@cache
def find_installed(component: str) -> Installed | None:
    """
    Return an installation of a component's server on this machine, the first one that suits.

    If none suits, one that does not is returned, with its problem. None if nothing is installed,
    or if `.env` says to ignore what is.
    """
    server = _server_of(component)
    if server is None or _variable(server) == IGNORED:
        return None
    unsuitable = None
    for candidate in server.candidates():
        found = _examine(server, candidate, is_named=False)
        if not found.problem:
            return found
        unsuitable = unsuitable or found
    return unsuitable


def _server_of(component: str) -> Server | None:
    return next((server for server in SERVERS if server.component == component), None)


def _variable(server: Server) -> str:
    names = {server.variable}
    return read_variables(REPOSITORY / ".env", os.environ, names).get(server.variable, "")


def _examine(server: Server, named: Path, *, is_named: bool) -> Installed:
    path = server.locate(named)
    version = server.version(path) if path.exists() else ""
    problem = ""
    if not server.suits(version):
        found = f"found {version} ({path})" if version else f"{path} is not that"
        if is_named:
            problem = f"{server.variable}: expected {server.expected} of {server.title} "
            problem += f"{server.range}, {found}: name another, or delete the line from .env"
        else:
            problem = f"{server.title} {server.range} is used where it is installed, {found}"
    return Installed(server, path, version, problem, is_named)


def _match(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found[1] if found else ""


def _dotted(version: Version) -> str:
    return ".".join(map(str, version))


def _on_path(names: Iterable[str]) -> Iterator[Path]:
    for name in names:
        if program := shutil.which(name):
            yield Path(program).resolve()


def _influxd_version(program: Path) -> str:
    return _match(r"InfluxDB v?(\d+\.\d+\.\d+)", read_output([program, "version"]))


def _postgres_candidates() -> Iterator[Path]:
    """Yield the homes of PostgreSQL: on PATH, then in packages' folders, the newest first."""
    packaged = (path for pattern in POSTGRES_PLACES for path in Path("/").glob(pattern[1:]))
    for program in (*_on_path(["postgres"]), *sorted(packaged, reverse=True)):
        yield program.parent.parent


def _postgres_home(named: Path) -> Path:
    """Return the folder that has `bin`, for that folder or `bin` itself."""
    return named.parent if named.name == "bin" else named


def postgres_version(home: Path) -> str:
    """Return the version of the PostgreSQL in a folder, "" if it is not whole or does not run."""
    if not os.access(home / "bin" / "initdb", os.X_OK):
        return ""
    return _match(
        r"\(PostgreSQL\) (\d+(?:\.\d+)*)", read_output([home / "bin" / "postgres", "--version"])
    )


def _kafka_candidates() -> Iterator[Path]:
    for starter in _on_path(KAFKA_STARTERS):
        yield starter.parent.parent


def _kafka_libraries(home: Path) -> Path:
    """Return the folder of jars: `libs` of Apache's archive, below `libexec` in Homebrew's."""
    nested = home / "libexec" / "libs"
    return nested if nested.is_dir() else home / "libs"


def _kafka_version(libraries: Path) -> str:
    jars = [jar.name for jar in libraries.glob("kafka_2.13-*.jar")]
    return next(
        filter(None, (_match(r"^kafka_2\.13-(\d+\.\d+\.\d+)\.jar$", jar) for jar in jars)), ""
    )


SERVERS = (
    Server(
        component="influxd",
        title="InfluxDB",
        variable="INFLUXD_PROGRAM",
        expected="the program influxd",
        oldest=(2, 7),
        newest=(2, 9),
        candidates=lambda: _on_path(["influxd"]),
        locate=lambda named: named,
        version=_influxd_version,
    ),
    Server(
        component="postgres",
        title="PostgreSQL",
        variable="POSTGRES_FOLDER",
        expected="the folder with bin/postgres",
        oldest=(16,),
        newest=(18,),
        candidates=_postgres_candidates,
        locate=_postgres_home,
        version=postgres_version,
    ),
    Server(
        component="kafka",
        title="Kafka",
        variable="KAFKA_FOLDER",
        expected="the folder with libs/",
        oldest=(4, 0),
        newest=(4, 4),
        candidates=_kafka_candidates,
        locate=_kafka_libraries,
        version=_kafka_version,
    ),
)
