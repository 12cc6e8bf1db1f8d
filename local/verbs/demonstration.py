"""Run everything once to see it: the demo, its check, the replay of a tape."""

import shutil
from argparse import ArgumentParser, Namespace
from pathlib import Path

from include.errors import Exit, Misconfigured
from local.environment import SIMULATED
from local.verbs.operation import LINES, configured_line, require_none_running
from local.verbs.verb import Verb, enter_environment


def _demo(options: Namespace) -> int:
    tools = enter_environment()
    from local.demo.run import demo

    require_none_running(tools)
    demo(configured_line(SIMULATED, tools))
    return Exit.OK


def _demo_check(options: Namespace) -> int:
    tools = enter_environment()
    from local.demo.run import check

    require_none_running(tools)
    check(configured_line(SIMULATED, tools))
    return Exit.OK


def _replay(options: Namespace) -> int:
    if not options.tapes:
        raise Misconfigured("expected a tape, found none: make replay TAPE=file")
    if absent := [str(tape) for tape in options.tapes if not tape.is_file()]:
        raise Misconfigured(f"no such tape: {', '.join(absent)}: make replay TAPE=file")
    tools = enter_environment()
    from local.demo.replay import replay
    from local.free_ports import FreePorts
    from local.line import Line

    held = FreePorts()
    root = LINES / f"replay-{held.take()}"
    try:
        replay(Line(root, held.ports(), SIMULATED, tools), options.tapes)
    finally:
        shutil.rmtree(root, ignore_errors=True)
        held.close()
    return Exit.OK


def _tapes_option(parser: ArgumentParser) -> None:
    parser.add_argument("tapes", nargs="*", type=Path, help="recordings, in order")


DEMO = Verb("demo", "run everything on a simulated exchange, and watch it", _demo)
DEMO_CHECK = Verb("demo-check", "start the demo, check its numbers, stop it", _demo_check)
REPLAY = Verb("replay", "send a recorded market through servers of its own", _replay, _tapes_option)
