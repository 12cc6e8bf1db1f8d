"""
Run supervisord, with one rule more: what exits as misconfigured stays down.

Stock supervisord tries again whatever exits soon after its start, without looking at its exit code.
"""

import sys
import time
from typing import Any

import supervisor.process
from supervisor import supervisord
from supervisor.options import decode_wait_status

from include.errors import Exit

BACKOFF_MAX = 30  # seconds to the next try; each failed start adds one


class Service(supervisor.process.Subprocess):  # type: ignore[misc]  # supervisor ships no types
    """A supervised process that knows our exit codes."""

    backoff: int
    laststart: float

    def finish(self, pid: int, sts: int) -> None:
        self.backoff = min(self.backoff, BACKOFF_MAX - 1)
        if decode_wait_status(sts)[0] == Exit.MISCONFIGURED:
            # As if it had run long enough: then the exit codes of the configuration apply.
            self.laststart = min(self.laststart, time.time() - self.config.startsecs - 1)
        super().finish(pid, sts)


def main(arguments: list[str]) -> Any:
    supervisor.process.Subprocess = Service
    return supervisord.main(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
