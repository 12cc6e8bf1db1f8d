"""The simulator as a process: signals, exit codes, options."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

from include.errors import Misconfigured
from include.simulator.__main__ import make_market, parse_arguments
from include.simulator.history import History

ROOT = Path(__file__).parents[2]
AT_MS = 1_760_000_400_000


def command(*options):
    return [sys.executable, "-m", "include.simulator", *options]


@contextmanager
def running(*options, **environment):
    process = subprocess.Popen(
        command("--port", "0", *options),
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert select.select([process.stdout], [], [], 20)[0], "no output in 20 s"
        yield process, json.loads(process.stdout.readline())["address"]
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def get(address, path):
    with urllib.request.urlopen(address + path, timeout=10) as answer:
        return json.load(answer)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_restarted_process_has_the_same_history_and_stops_cleanly(generate, number):
    path = f"/api/v3/aggTrades?symbol=BTCUSDT&startTime={AT_MS}&limit=50"
    with running(PYTHONHASHSEED=str(number.value)) as (process, address):
        assert address.startswith("http://127.0.0.1:")
        served = get(address, path)
        process.send_signal(number)
        output, errors = process.communicate(timeout=10)
        assert (process.returncode, output, errors) == (0, "", "")
    market = generate()
    history, symbol = History(market), market.symbols[0]
    start = history.next_id(symbol, AT_MS, AT_MS + 10**7)
    expected = history.trades(symbol, start, start + 50, AT_MS + 10**7)
    assert [(t["a"], t["T"], t["f"], t["l"], t["p"], t["q"], t["m"]) for t in served] == [
        (
            t.trade_id,
            t.ts_ms,
            t.first_raw,
            t.last_raw,
            symbol.format_price(t.price_ticks),
            symbol.format_amount(t.lots),
            t.taker_sells,
        )
        for t in expected
    ]


def test_a_configuration_error_is_one_line_and_exit_2(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        cases = {
            ("--port", port): f"port {port}",
            ("--port", "0", "--tape", str(tmp_path / "none.gz")): "no such file",
        }
        processes = {
            options: subprocess.Popen(
                command(*options),
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for options in cases
        }
        for options, process in processes.items():
            output, errors = process.communicate(timeout=30)
            assert (process.returncode, output) == (2, "")
            assert errors.count("\n") == 1
            assert cases[options] in errors


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--symbols", "BTC"], "BASE/QUOTE"),
        (["--symbols", " , "], "no symbols"),
        (["--trades-per-minute", "0"], "more than 0"),
        (["--tape", "x", "--speed", "fast"], "--speed: expected max"),
        (["--tape", "x", "--speed", "0"], "--speed: expected max"),
        (["--tape", "x", "--speed", "nan"], "--speed: expected max"),
        (["--tape", "x", "--step-ms", "0"], "--step-ms: expected more than 0"),
        (["--tape", "x", "--speed", "max"], "no such file"),
    ],
)
def test_invalid_options_are_rejected(options, message):
    with pytest.raises(Misconfigured, match=message):
        make_market(parse_arguments(options))
