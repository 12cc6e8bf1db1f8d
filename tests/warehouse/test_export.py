"""The export: complete and exact rows of one symbol and window."""

import csv
import io
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pyarrow import parquet

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


def options(*more):
    until = (START + timedelta(minutes=10)).isoformat()
    return export.arguments(
        [f"--from={START.isoformat()}", f"--to={until}", "--symbol=BTC/USDT", *more]
    )


def text(value):
    if isinstance(value, datetime):
        return value.isoformat()
    return "" if value is None else str(value)


@pytest.fixture
def exported(reading, tmp_path, capsys):
    def export_csv(what="candles"):
        out = tmp_path / "out.csv"
        export.run(options(f"--what={what}", f"--out={out}"), reading)
        rows = list(csv.DictReader(io.StringIO(out.read_text())))
        assert capsys.readouterr().err.endswith(f"{len(rows)} rows of {what}\n")
        return rows

    return export_csv


def test_the_window_of_one_symbol_with_all_digits(exported, writer):
    prices = {n: 0.1 + n / 3 for n in range(12)}
    store(writer, [candle("BTC/USDT", n, close) for n, close in prices.items()])
    store(writer, [candle("ETH/USDT", 3, 5.0)])

    rows = exported()

    assert [row["open_ts"] for row in rows] == [
        (START + timedelta(minutes=n)).isoformat() for n in range(10)
    ]
    assert [float(row["close"]) for row in rows] == [prices[n] for n in range(10)]
    assert {row["symbol"] for row in rows} == {"BTC/USDT"}


@pytest.mark.parametrize("what", export.EXPORTS)
def test_without_rows_there_is_only_a_header(exported, reading, tmp_path, what):
    assert exported(what) == []

    out = tmp_path / "out.parquet"
    export.run(options(f"--what={what}", f"--out={out}"), reading)
    with (tmp_path / "out.csv").open() as file:
        assert parquet.read_table(out).column_names == next(csv.reader(file))


def test_parquet_has_the_same_rows_with_types(exported, reading, writer, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "ROWS_AT_ONCE", 4)
    candles = [candle("BTC/USDT", n, 0.1 + n / 3) for n in range(9)]
    store(writer, [*candles, replace(candle("BTC/USDT", 9, 5.0), trade_count=None)])
    out = tmp_path / "out.parquet"

    export.run(options(f"--out={out}"), reading)
    table = parquet.read_table(out)

    assert [{n: text(v) for n, v in row.items()} for row in table.to_pylist()] == exported()
    assert str(table.schema.field("open_ts").type) == "timestamp[us, tz=UTC]"
    assert table["close"].to_pylist()[:9] == [c.close for c in candles]
    assert table["trade_count"].null_count == 1


def test_a_reader_may_close_the_pipe(reading, writer, pipeline_environment):
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
    ("options", "expected"),
    [
        (["--from", "yesterday", "--symbol", "BTC/USDT"], "--from: expected a time"),
        (["--from", "2026-03-02", "--to", "2026-03-01", "--symbol", "BTC/USDT"], "before TO"),
        (["--from", "2026-03-01", "--symbol", "BTC'; DROP"], "expected a symbol"),
        (["--from", "2026-03-01", "--symbol", "A/B", "--out", "/dev/null/x"], "cannot write"),
    ],
)
def test_a_mistake_is_one_line(reading, options, expected):
    with pytest.raises(Misconfigured, match=expected):
        export.run(export.arguments(options), reading)
