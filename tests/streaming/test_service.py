"""A service exits soon after a signal, even if its threads still wait."""

import signal
import subprocess
import sys

import pytest

STOP_TIMEOUT_S = 30.0  # the service takes 8 s, more on a busy machine

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
def test_exits_with_0_while_a_thread_waits_for_ever(code):
    stuck = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    with stuck:
        try:
            assert stuck.stdout.readline() == "waiting\n"
            stuck.send_signal(signal.SIGTERM)
            assert stuck.wait(STOP_TIMEOUT_S) == 0
        finally:
            stuck.kill()
