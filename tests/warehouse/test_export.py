"""What is stored comes out as CSV, whole and exact, and only what was asked for."""

import csv
import io
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from include.errors import Misconfigured
from include.kpis.records import Candle
from include.warehouse import export
from tests.history.market import store

START = datetime(2026, 3, 1, tzinfo=UTC)


def candle(symbol, minute, close):
    open_ms = int((START + timedelta(minutes=minute)).timestamp() * 1000)
    ohlc = (close, close * 1.1, close * 0.9, close)
    return Candle("binance", symbol, open_ms, open_ms + 61_000, *ohlc, 1e-5, 1e9, 7)


@pytest.fixture
def reading(servers, settings):
    passfile = servers.layout.pgpass("market_reader")
    return settings.model_copy(update={"postgres_reader_passfile": passfile})


def exported(settings, what="candles", symbol="BTC/USDT", minutes=10):
    out = io.StringIO()
    count = export.export(settings, what, symbol, START, START + timedelta(minutes=minutes), out)
    rows = list(csv.DictReader(io.StringIO(out.getvalue())))
    assert len(rows) == count
    return rows


def test_the_window_of_one_symbol_with_all_digits(reading, writer):
    prices = {n: 0.1 + n / 3 for n in range(12)}
    store(writer, [candle("BTC/USDT", n, close) for n, close in prices.items()])
    store(writer, [candle("ETH/USDT", 3, 5.0)])

    rows = exported(reading)

    assert [row["open_ts"] for row in rows] == [
        (START + timedelta(minutes=n)).isoformat() for n in range(10)
    ]
    assert [float(row["close"]) for row in rows] == [prices[n] for n in range(10)]
    assert {row["symbol"] for row in rows} == {"BTC/USDT"}


@pytest.mark.parametrize("what", export.WHAT)
def test_nothing_stored_is_a_header(reading, what):
    assert exported(reading, what) == []


def test_whoever_reads_may_have_enough(reading, writer, pipeline_environment):
    store(writer, [candle("BTC/USDT", n, 1.0) for n in range(5_000)])
    passfile = str(reading.postgres_reader_passfile)
    command = ["include.warehouse.export", "--from=2026-03-01", "--symbol=BTC/USDT"]
    with subprocess.Popen(
        [sys.executable, "-m", *command],
        env={**pipeline_environment, "PIPELINE_POSTGRES_READER_PASSFILE": passfile},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as exporting:
        assert exporting.stdout.readline().startswith("exchange,symbol,")
        exporting.stdout.close()
        complaints = exporting.stderr.read()

    assert (exporting.returncode, complaints) == (0, "")


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (["--from", "yesterday", "--symbol", "BTC/USDT"], "--from: expected a time"),
        (["--from", "2026-03-02", "--to", "2026-03-01", "--symbol", "BTC/USDT"], "before TO"),
        (["--from", "2026-03-01", "--symbol", "BTC'; DROP"], "expected a symbol"),
        (["--from", "2026-03-01", "--symbol", "A/B", "--out", "/dev/null/x"], "cannot write"),
    ],
)
def test_a_mistake_is_one_line(reading, told, expected):
    with pytest.raises(Misconfigured, match=expected):
        export.run(export.arguments(told), reading)
