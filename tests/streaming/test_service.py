"""A service told to stop is gone soon, whatever its threads wait for."""

import signal
import subprocess
import sys

STOP_WITHIN_S = 30.0  # 8 s of its own, and a busy machine

STUCK = """
import asyncio, sys, threading
from include.streaming import service

async def wait_in_a_thread():
    waiting = asyncio.ensure_future(asyncio.to_thread(threading.Event().wait))
    print("waiting", flush=True)
    await waiting

sys.exit(service.run(wait_in_a_thread))
"""


def test_ends_with_0_though_a_thread_never_comes_back():
    stuck = subprocess.Popen([sys.executable, "-c", STUCK], stdout=subprocess.PIPE, text=True)
    with stuck:
        try:
            assert stuck.stdout.readline() == "waiting\n"
            stuck.send_signal(signal.SIGTERM)
            assert stuck.wait(STOP_WITHIN_S) == 0
        finally:
            stuck.kill()
