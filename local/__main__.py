"""`sh local/python -m local <verb>`: everything this project does on a machine without Docker."""

import argparse
import errno
import os
import signal
import sys
from collections.abc import Sequence

from include.errors import Exit, PipelineError
from local import verbs

INTERRUPTED = 130  # what shells report for Ctrl-C


def main(arguments: Sequence[str]) -> int:
    """Run one verb; return the exit code."""
    forwarding = {verb.name: verb for verb in verbs.VERBS if verb.forwards}
    try:
        if arguments and arguments[0] in forwarding:
            return forwarding[arguments[0]].run(argparse.Namespace(arguments=arguments[1:]))
        options = _parser().parse_args(arguments)
        return int(options.run(options))
    except PipelineError as e:
        print(e, file=sys.stderr)
        return e.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # `make status | head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    except OSError as e:
        if e.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        print(
            f"the disk is full ({e.filename or 'unnamed file'}): free some space", file=sys.stderr
        )
        return Exit.MISCONFIGURED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    add = parser.add_subparsers(metavar="verb", required=True).add_parser
    for verb in verbs.VERBS:
        sub = add(verb.name, help=verb.summary, description=verb.summary)
        verb.declare(sub)
        sub.set_defaults(run=verb.run)
    return parser


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGHUP):  # end in good order, as after Ctrl-C
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup
            signal.signal(number, signal.default_int_handler)
    sys.exit(main(sys.argv[1:]))
