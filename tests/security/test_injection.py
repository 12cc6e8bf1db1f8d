"""Hostile names: refused where they come in, or kept as the data they are; never a command."""

from datetime import UTC, datetime, timedelta

import pytest

from include import wire
from include.errors import BadRecord, Misconfigured
from include.history.backfill_request import parse_request
from include.influxdb import lines
from include.influxdb.reader import Reader
from include.influxdb.writer import InfluxDB
from include.kpis.records import MarketKey, PricePoint
from include.settings import Settings
from include.warehouse.drain import drain
from include.warehouse.statements import statement
from tests.warehouse.conftest import count, rows
from tests.warehouse.market import MARKETS, START_MS, snapshot

SQL = "BTC/USDT'; DROP TABLE trades; --"
FLUX = 'BTC/USDT" or true) |> drop(columns: ["symbol"]) //'
LINE = "BTC/USDT close=0 1\ncrypto_evil,symbol=X close=666 1700000000000\n"
SHELL = "BTC/USDT$(touch /tmp/owned)`id`"
HOSTILE = (SQL, FLUX, LINE, SHELL, "../../etc/passwd", "{{ conn.market.password }}", "BTC/USDT\0")
NOW = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.mark.parametrize("name", HOSTILE)
def test_settings_take_no_such_market(name: str):
    with pytest.raises(Misconfigured, match="PIPELINE_MARKETS"):
        Settings.of({"PIPELINE_MARKETS": f"binance:{name}"})


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("param", ["symbols", "exchange"])
def test_a_backfill_takes_no_such_market(name: str, param: str):
    asked = {"exchange": "binance", "symbols": ["BTC/USDT"], "from": "2026-11-01", "to": None}
    asked[param] = [name] if param == "symbols" else name

    with pytest.raises(Misconfigured) as refused:
        parse_request(asked, None, (MarketKey("binance", "BTC/USDT"),), NOW)

    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", HOSTILE)
def test_the_wire_carries_no_such_market(name: str):
    encoded = wire.encode(snapshot(("binance", name)))

    with pytest.raises(BadRecord, match="expected a symbol"):
        wire.decode(encoded)


def test_the_drain_parks_what_carries_it_all_the_same(settings, producer, writer):
    good = snapshot(MARKETS[0], START_MS)
    producer.send_raw([wire.encode(snapshot(("binance", name))) for name in HOSTILE])
    producer.send([good])

    done = drain(writer, settings)

    assert done.snapshots == 1
    assert count(writer, "trades") == 0, "and it is there to be counted"
    assert rows(writer, "SELECT symbol FROM crypto_prices") == [("BTC/USDT",)]


def test_postgresql_keeps_a_hostile_name_as_a_name(writer):
    found = writer.execute(statement("live.proof"), {"exchange": "binance", "symbol": SQL})

    assert found.fetchone() is not None
    assert count(writer, "trades") == 0


def test_influxdb_keeps_a_hostile_name_as_a_name(settings: Settings):
    """What the wire would refuse is written, to see that the adapter itself holds."""
    ts_ms = int(datetime.now(UTC).timestamp() * 1000)
    hostile = (SQL, FLUX, SHELL, "a,b=c d", "back\\slash", "ctrl\tand\rmore")
    points = [PricePoint("binance", name, ts_ms, {"close": 1.0}) for name in (*hostile, LINE)]
    store, reader_ = InfluxDB(settings), Reader(settings)
    try:
        store.write(lines.encode(points))
        start = datetime.now(UTC) - timedelta(hours=1)
        found = reader_.rows("live.markets", {"start": start})
        newest = {"exchange": "binance", "start": start}
        nothing = reader_.rows("live.newest_snapshot", newest | {"symbol": 'X" or true or "'})
        one = reader_.rows("live.newest_snapshot", newest | {"symbol": FLUX})
    finally:
        store.close()
        reader_.close()

    assert len(found) == len(points), "one series a name, none of another measurement"
    assert {SQL, FLUX, SHELL} <= {row["symbol"] for row in found}
    assert nothing == []
    assert len(one) == 1


@pytest.mark.parametrize("bucket", ['x") |> yield() //', "x\n|> drop()", '${"a"}', ""])
def test_a_bucket_is_a_name_too(settings: Settings, bucket: str):
    hostile = Reader(settings.model_copy(update={"influx_bucket": bucket}))
    try:
        with pytest.raises(Exception, match=r"answered 40[04]") as refused:
            hostile.rows("live.markets", {"start": NOW})
    finally:
        hostile.close()

    assert "\n" not in str(refused.value)
