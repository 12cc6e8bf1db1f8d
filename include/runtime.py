"""The edge of every command: its exit code, and one line for a failure that has a name."""

import sys
from collections.abc import Callable

from include.errors import Exit, PipelineError


def exit_code(name: str, work: Callable[[], None]) -> int:
    """Run *work*; return the process's exit code, as `include.errors.Exit` says."""
    try:
        work()
    except PipelineError as e:
        print(f"{name}: {e}", file=sys.stderr)
        return e.exit_code
    return Exit.OK
