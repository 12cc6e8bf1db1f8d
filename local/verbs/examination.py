"""`make doctor`: the tools, the settings, the disk; of the line its servers, or its ports."""

from argparse import Namespace
from dataclasses import fields

from include.doctor.finding import Finding, Look, found, gravest
from include.errors import Exit
from local.console import Console
from local.install import check, toolchain
from local.layout import REPOSITORY, Layout
from local.ports import Ports
from local.tools import print_tools
from local.verbs.operation import (
    LINES,
    require_nothing_left,
    run_in_line,
    running_lines,
    sound_configuration,
)
from local.verbs.verb import Verb, enter_environment


def _doctor(options: Namespace) -> int:
    is_set_up = toolchain().python.exists()
    tools = enter_environment(installing=False) if is_set_up else toolchain()
    reports = check()
    print_tools(reports, Console())
    is_missing = any(report.problem and report.needed for report in reports)
    if not is_set_up:
        print("nothing is set up yet: `make setup` does that")
        return Exit.MISCONFIGURED if is_missing else Exit.OK
    is_running = bool(running_lines(tools))
    looks = [Look("settings", _settings), Look("disk", _disk)]
    if not is_running:
        looks += [Look("line", _line), Look("ports", _ports)]
    findings = []
    for look in looks:
        findings.append(found(look))
        print(findings[-1], flush=True)
        if look.take is _line and findings[-1].code is not Exit.OK:
            break  # the ports are those of what is left over
    if is_running:
        findings.append(Finding("servers", "", Exit(run_in_line("include.doctor"))))
    return Exit.MISCONFIGURED if is_missing else gravest(findings)


def _settings() -> str:
    settings, _ = sound_configuration()
    return f"{len(settings)} given in .env and the environment"


def _disk() -> str:
    return f"{Layout(LINES if LINES.is_dir() else REPOSITORY).require_space()} MB free for a line"


def _line() -> str:
    require_nothing_left()
    return "none runs (`make up` starts one): no server was examined"


def _ports() -> str:
    _, ports = sound_configuration()
    names = [field.name for field in fields(Ports)]
    ports.require_free(names)
    return f"all {len(names)} free"


DOCTOR = Verb("doctor", "check tools, settings, disk, ports, and the servers that run", _doctor)
