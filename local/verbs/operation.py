"""Start, stop and look at a line. What needs the environment is imported inside the verbs."""

import os
import shlex
import subprocess
import sys
import time
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from include.errors import Exit, Misconfigured, PipelineError
from local.configuration import read_configuration
from local.environment import MARKETS, SIMULATED
from local.install import Toolchain
from local.layout import REPOSITORY, Layout
from local.ports import Ports
from local.verbs.verb import Verb, enter_environment

if TYPE_CHECKING:
    from local.line import Line

LINES = REPOSITORY / ".line"


def sound_configuration() -> tuple[dict[str, str], Ports]:
    """
    Return the settings that `.env` and the environment give, and the ports.

    Raises:
        Misconfigured: All that is wrong with them.
    """
    from include.settings import Settings

    configuration = read_configuration(REPOSITORY / ".env", os.environ)
    settings = {k: v for k, v in configuration.items() if k.startswith("PIPELINE_")}
    wrong = []
    try:
        Settings.of(settings)
    except Misconfigured as e:
        wrong.append(str(e))
    try:
        ports = Ports.read(configuration)
    except Misconfigured as e:
        wrong.append(str(e))
    if wrong:
        raise Misconfigured("; ".join(wrong))
    return settings, ports


def configured_line(market: str, tools: Toolchain) -> "Line":
    """
    Return this checkout's line for a market, as `.env` and the environment describe it now.

    Raises:
        Misconfigured: `.env` is wrong, or a setting.
    """
    from local.line import Line

    settings, ports = sound_configuration()
    return Line(LINES / market, ports, market, tools, settings)


def running_lines(tools: Toolchain) -> "list[Line]":
    """Return this checkout's lines that run, as they were started."""
    from local.line import Line

    known = [Line.load(LINES / market, tools) for market in MARKETS]
    return [line for line in known if line is not None and line.is_running()]


def require_running(tools: Toolchain) -> "Line":
    """
    Return the line that runs.

    Raises:
        Misconfigured: None does.
        PipelineError: Parts of one are left over.
    """
    if running := running_lines(tools):
        return running[0]
    require_nothing_left()
    raise Misconfigured("no line is running: `make up` starts one, `make demo` shows one")


def require_nothing_left() -> None:
    """
    Return if no process of a line runs; for when no line does.

    Raises:
        PipelineError: Parts of one are left over.
    """
    from local.processes import line_processes

    for market in MARKETS:
        if left := line_processes(Layout(LINES / market)):
            raise PipelineError(
                f"the {market} line's supervisor was killed, {len(left)} of its processes still "
                "run: `make down` ends them"
            )


def require_none_running(tools: Toolchain) -> None:
    """
    Return if no line of this checkout runs; they share their ports.

    Raises:
        Misconfigured: One does.
    """
    for line in running_lines(tools):
        raise Misconfigured(
            f"the {line.market} line is already running: `make status` shows it, "
            "`make down` stops it"
        )


def _config_check(options: Namespace) -> int:
    enter_environment()
    settings, _ = sound_configuration()
    given = ", ".join(sorted(settings)) or "none"
    print(f".env and the environment are in order; settings given: {given}")
    return Exit.OK


def _up(options: Namespace) -> int:
    tools = enter_environment()
    from local.status import addresses, complaining, failing

    require_none_running(tools)
    line = configured_line(options.market, tools)
    began_s = time.monotonic()
    line.start(report=lambda text: print(text, flush=True))
    print(f"the {line.market} line is up after {time.monotonic() - began_s:.0f} s")
    print("\n".join(f"  {name:<11} {where}" for name, where in addresses(line)))
    problems = failing(line)
    for problem in [*problems, *complaining(line)]:
        print(problem, file=sys.stderr)
    return Exit.FAILED if problems else Exit.OK


def _down(options: Namespace) -> int:
    known = [market for market in MARKETS if Layout(LINES / market).record.exists()]
    stopped = []
    if known:
        tools = enter_environment(installing=False)
        from local.line import Line

        lines = [Line.load(LINES / market, tools) for market in known]
        stopped = [line.market for line in lines if line is not None and line.stop()]
    print("\n".join(f"the {market} line is down" for market in stopped) or "nothing was running")
    return Exit.OK


def _status(options: Namespace) -> int:
    tools = enter_environment(installing=False)
    from local.demo.access import figures_of
    from local.status import failing, render

    line = require_running(tools)
    print(f"{line.market} line, {line.layout.root}\n\n{render(line)}\n")
    print("\n".join(figures_of(line)))
    return Exit.FAILED if failing(line) else Exit.OK


def _watch(options: Namespace) -> int:
    tools = enter_environment(installing=False)
    from local.demo.run import watch

    watch(require_running(tools))
    return Exit.OK


def _logs(options: Namespace) -> int:
    roots = [LINES / market / "logs" for market in MARKETS]
    existing = [root for root in roots if root.is_dir()]
    if not existing:
        raise Misconfigured("there are no logs: no line was started yet")
    newest = max(existing, key=lambda root: root.stat().st_mtime)
    files = sorted(newest.glob(f"{options.service or '*'}.log"))
    if not files:
        names = ", ".join(sorted(file.stem for file in newest.glob("*.log")))
        raise Misconfigured(f"no log of {options.service!r}: choose from {names}")
    os.execvp("tail", ["tail", "-n", "20", "-F", *map(str, files)])  # noqa: S606 - no shell wanted


def _env(options: Namespace) -> int:
    tools = enter_environment(installing=False)
    running = running_lines(tools)
    line = running[0] if running else configured_line(SIMULATED, tools)
    for name, value in line.environment().items():
        print(f"export {name}={shlex.quote(value)}")
    return Exit.OK


def _reset_offsets(options: Namespace) -> int:
    return run_in_line("include.warehouse.reset_offsets")


def _dead_letters(options: Namespace) -> int:
    return run_in_line("include.dead_letters", *options.arguments)


def _quality(options: Namespace) -> int:
    return run_in_line("include.quality")


def _export(options: Namespace) -> int:
    return run_in_line("include.warehouse.export", *options.arguments)


def run_in_line(module: str, *arguments: str) -> int:
    """Run a module of the project against the line that runs; return its exit code."""
    tools = enter_environment(installing=False)
    environment = os.environ | require_running(tools).environment()
    command = [str(tools.python), "-m", module, *arguments]
    return subprocess.run(command, cwd=REPOSITORY, env=environment).returncode


def _market_option(parser: ArgumentParser) -> None:
    parser.add_argument("--market", choices=MARKETS, default="live", help="default: %(default)s")


def _service_option(parser: ArgumentParser) -> None:
    parser.add_argument("service", nargs="?", help="only this one's, such as kafka or producer")


UP = Verb("up", "start the line on the live exchange, or on the simulated one", _up, _market_option)
DOWN = Verb("down", "stop whatever line runs; its data stays", _down)
STATUS = Verb("status", "show what runs, its memory, its addresses", _status)
WATCH = Verb("watch", "watch what comes in, until Ctrl-C", _watch)
LOGS = Verb("logs", "follow the logs", _logs, _service_option)
QUALITY = Verb("quality", "count the stores, run the checks of the last hour", _quality)
EXPORT = Verb("export", "write rows of PostgreSQL as CSV", _export, forwards=True)
CONFIG_CHECK = Verb(
    "config-check", "check what .env and the environment say, start nothing", _config_check
)
ENV = Verb("env", "print what a shell needs: eval the output", _env)
RESET_OFFSETS = Verb(
    "reset-offsets", "let the drain read its topic from the beginning", _reset_offsets
)
DEAD_LETTERS = Verb(
    "dead-letters", "list what could not be read; replay it", _dead_letters, forwards=True
)
