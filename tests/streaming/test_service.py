"""A service told to stop is gone soon, whatever its threads wait for."""

import signal
import subprocess
import sys

import pytest

STOP_WITHIN_S = 30.0  # 8 s of its own, and a busy machine

IN_A_THREAD = """
import asyncio, sys, threading
from include.streaming import service

async def wait_in_a_thread():
    waiting = asyncio.ensure_future(asyncio.to_thread(threading.Event().wait))
    print("waiting", flush=True)
    await waiting

sys.exit(service.run(wait_in_a_thread))
"""

IN_THE_MAIN_THREAD = """
import sys, threading
from include.streaming import service

def wait(stopping):
    print("waiting", flush=True)
    threading.Event().wait()

sys.exit(service.run_until_stopped(wait))
"""


@pytest.mark.parametrize("code", [IN_A_THREAD, IN_THE_MAIN_THREAD])
def test_ends_with_0_though_what_it_waits_for_never_comes(code):
    stuck = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    with stuck:
        try:
            assert stuck.stdout.readline() == "waiting\n"
            stuck.send_signal(signal.SIGTERM)
            assert stuck.wait(STOP_WITHIN_S) == 0
        finally:
            stuck.kill()
