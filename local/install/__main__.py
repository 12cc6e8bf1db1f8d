"""`sh local/python -m local.install`: install everything, or just the components named."""

import signal
import sys

from include.errors import Exit, PipelineError
from local.install import COMPONENTS, install

INTERRUPTED = 130  # what shells report for Ctrl-C


def main(names: list[str]) -> int:
    """Install and return the exit code."""
    unknown = [name for name in names if name not in COMPONENTS]
    if unknown:
        print(f"no component {unknown[0]!r}: choose from {', '.join(COMPONENTS)}", file=sys.stderr)
        return Exit.MISCONFIGURED
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.default_int_handler)
    try:
        install(names or COMPONENTS)
    except PipelineError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted; run it again to resume", file=sys.stderr)
        return INTERRUPTED
    return Exit.OK


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
