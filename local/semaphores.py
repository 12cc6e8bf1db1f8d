"""Semaphores, which LocalExecutor's queues are made of, where /dev/shm is missing or closed."""

import functools
import multiprocessing
import os
import subprocess

from include.errors import Misconfigured

# A /dev/shm of its own, which goes with the process: nobody else's view changes.
PRIVATE = 'mount -t tmpfs -o mode=1777 tmpfs /dev/shm && exec "$@"'


@functools.cache
def with_semaphores() -> tuple[str, ...]:
    """Return what to put before a command that needs semaphores: usually nothing."""
    if _machine_has_them():
        return ()
    as_root = () if os.geteuid() == 0 else ("--map-root-user",)
    return ("unshare", *as_root, "--mount", "sh", "-c", PRIVATE, "with-semaphores")


def require_semaphores() -> None:
    """
    Return if a command after `with_semaphores` would have them.

    Raises:
        Misconfigured: Neither the machine nor a mount namespace of our own has them.
    """
    prefix = with_semaphores()
    if prefix and subprocess.run([*prefix, "true"], capture_output=True).returncode != 0:
        raise Misconfigured(
            "Airflow needs semaphores, which need a writable /dev/shm: "
            "mount -t tmpfs tmpfs /dev/shm"
        )


def _machine_has_them() -> bool:
    try:
        multiprocessing.get_context("fork").Lock()
    except OSError:
        return False
    return True
