"""Real servers and a Python environment for this project, installed into the user's cache."""

import shutil
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from include.errors import Misconfigured
from local.cache import cache_root
from local.console import Console
from local.install import charts, compose, influxdb, kafka, postgres, python
from local.install.component import Component
from local.install.crew import Crew
from local.installed import Installed, find_installed, find_named
from local.tools import COMPONENTS, ToolReport, check_tools, java, lacking, require_tools

__all__ = ["COMPONENTS", "Toolchain", "check", "install", "toolchain"]


# What the user has to do without, and how not to.
WITHOUT = {
    "charts": "the market page will show no charts (install Node.js 18 or newer, then `make setup`)"
}


@dataclass(frozen=True)
class Toolchain:
    """
    Where everything is.

    Attributes:
        python: The environment's interpreter.
        kafka_libs: Folder of Kafka's jars; the class path is `<kafka_libs>/*`.
        postgres: Folder with `bin`, readable by every user if this one is root.
        influxd: The program.
        java: The program.
        charts: The market page's chart library; absent where npm was.
        compose: The program docker-compose; there once `make test` asked for it.
    """

    python: Path
    kafka_libs: Path
    postgres: Path
    influxd: Path
    java: str
    charts: Path
    compose: Path


def toolchain() -> Toolchain:
    """
    Return where everything is or will be, installed or not.

    A server that `.env` names comes first, then the pinned one if it is in the cache, then one that
    is installed on this machine, then the place where the pinned one will be.
    """
    components = _components()
    paths = {name: component.slot.path for name, component in components.items()}
    servers = {"influxd": paths["influxd"] / "influxd"}
    servers |= {name: used.path for name in components if (used := _used(components[name]))}
    return Toolchain(
        python=paths["python"] / "bin" / "python",
        kafka_libs=servers.get("kafka", paths["kafka"]),
        postgres=servers.get("postgres", paths["postgres"]),
        influxd=servers["influxd"],
        java=java(),
        charts=paths["charts"] / charts.LIBRARY,
        compose=paths["compose"] / compose.PROGRAM,
    )


def check(names: Collection[str] = COMPONENTS) -> list[ToolReport]:
    """Look at every server and tool, given what is in the cache already; for `make doctor`."""
    components, missing = _components(), {component.name for component in _missing(names)}
    servers = [_report(components[name], is_missing=name in missing) for name in names]
    return [*servers, *check_tools(missing)]


def install(names: Collection[str] = COMPONENTS, *, console: Console | None = None) -> Toolchain:
    """
    Install what is not in the cache yet, all at the same time, and return where everything is.

    Raises:
        Misconfigured: A tool is missing or too old (a line for each), a disk is too small.
        Unavailable: The network is away; run it again, it resumes.
        PipelineError: A tool failed; the message has the cause and the path of the log.
        KeyboardInterrupt: The user ended it; all tools are gone, run it again, it resumes.
    """
    console = console or Console()
    _require_named(names)
    missing = _missing(names)
    for name, program in lacking(component.name for component in missing).items():
        console.say(f"no {program}: {WITHOUT[name]}")
        missing = [component for component in missing if component.name != name]
    require_tools(check_tools({component.name for component in missing}))
    if missing:
        require_space(missing)
        Crew(console).set_up(missing)
    others = "".join(f", {used}" for used in _described(names))
    console.say(f"toolchain ready in {cache_root()}{others}")
    return toolchain()


def require_space(components: Iterable[Component]) -> None:
    """
    Return if the cache's disk has room for what will be set up.

    Raises:
        Misconfigured: It has not.
    """
    root = cache_root()
    disk = next(path for path in (root, *root.parents) if path.exists())
    needed_gb = sum(component.disk_mb for component in components) / 1000
    free_gb = shutil.disk_usage(disk).free / 1e9
    if free_gb < needed_gb:
        raise Misconfigured(
            f"setting up takes {needed_gb:.1f} GB in {root}, the disk has {free_gb:.1f} GB left: "
            "free some, or set XDG_CACHE_HOME to a folder on a larger disk"
        )


def _components() -> dict[str, Component]:
    every = (module.component() for module in (python, kafka, postgres, influxdb, charts, compose))
    return {component.name: component for component in every}


def _missing(names: Iterable[str]) -> list[Component]:
    known = _components()
    wanted = (known[name] for name in dict.fromkeys(names))
    return [each for each in wanted if _used(each) is None and not each.is_ready()]


def _used(component: Component) -> Installed | None:
    """Return the installed server that takes the place of a component, None if none does."""
    if named := find_named(component.name):
        return named
    if component.slot.is_complete():
        return None
    found = find_installed(component.name)
    return found if found and not found.problem else None


def _require_named(names: Iterable[str]) -> None:
    """
    Return if each server that `.env` names can be used.

    Raises:
        Misconfigured: With one line for each that cannot.
    """
    problems = [named.problem for name in names if (named := find_named(name)) and named.problem]
    if problems:
        raise Misconfigured("\n".join(problems))


def _described(names: Iterable[str]) -> list[str]:
    """Return the installed servers in use, such as "InfluxDB 2.8.0 of /usr/bin/influxd"."""
    known = _components()
    used = [found for name in names if (found := _used(known[name]))]
    return [f"{each.server.title} {each.version} of {each.path}" for each in used]


def _report(component: Component, *, is_missing: bool) -> ToolReport:
    """Return what stands for a component, and what is wrong with a server that `.env` names."""
    if used := _used(component):
        purpose = f"in place of {component.title}"
        return ToolReport(
            used.server.title, purpose, used.version, str(used.path), used.problem, needed=True
        )
    state = "set-up installs it" if is_missing else "in the cache"
    found = find_installed(component.name)
    note = f"{state}; {found.problem}" if found and found.problem else state
    return ToolReport(component.title, note, "", "", "", needed=False)
