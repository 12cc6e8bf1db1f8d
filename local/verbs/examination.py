"""`make doctor`: the tools, the settings, the disk; of the line its servers, or its ports."""

from argparse import Namespace
from dataclasses import fields

from include.doctor.check import Check, CheckResult, most_severe, run_check
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
    checks = [Check("settings", _settings), Check("disk", _disk)]
    if not is_running:
        checks.append(Check("ports", _ports))
    results = [run_check(one) for one in checks]
    for result in results:
        print(result, flush=True)
    if is_running:
        results.append(CheckResult("servers", "", Exit(run_in_line("include.doctor"))))
    else:
        print("no line is running: its servers were not examined (`make up` starts one)")
    return Exit.MISCONFIGURED if is_missing else most_severe(results)


def _settings() -> str:
    settings, _ = sound_configuration()
    return f"{len(settings)} given in .env and the environment"


def _disk() -> str:
    return f"{Layout(LINES if LINES.is_dir() else REPOSITORY).require_space()} MB free for a line"


def _ports() -> str:
    require_nothing_left()  # else its ports would be called another program's
    _, ports = sound_configuration()
    names = [field.name for field in fields(Ports)]
    ports.require_free(names)
    return f"all {len(names)} free"


DOCTOR = Verb("doctor", "check tools, settings, disk, ports, and the servers that run", _doctor)
