"""Names as attacks: refused where they come in, escaped where they would go out."""

import json
import subprocess
import sys

import pytest

from include import wire
from include.broker.records import Outgoing
from include.broker.writer import AcknowledgedWriter
from include.influxdb import lines
from include.influxdb.writer import InfluxDB
from include.kpis.records import PricePoint
from include.warehouse.connection import connect
from include.warehouse.drain import drain
from tests.chaos.verifier.postgres import Postgres
from tests.kpis.test_snapshot_kpis import SNAPSHOT
from tests.streaming.consuming import RunningConsumer, publish, wait_until_saved

ATTACKS = {
    "a quote": "BTC/USDT'; DROP TABLE trades; --",
    "a comma": "BTC/USDT,host=evil",
    "a space": "BTC/USDT close=1 1",
    "a line": "BTC/USDT\ncrypto_prices,symbol=X close=1",
    "a path": "../../../../etc/passwd",
    "a kilobyte": "B" * 1024 + "/USDT",
    "right to left": "BTC/\u202eTDSU",
    "a backslash": "BTC/USDT\\",
    "a flux string": 'BTC/USDT" or true or r.symbol == "',
}
TS_MS = 1_762_300_800_000

attacks = pytest.mark.parametrize("name", ATTACKS.values(), ids=ATTACKS)


@pytest.mark.fault(30)
@attacks
def test_refused_as_a_setting_in_one_line(name, pipeline_environment, tmp_path):
    run = subprocess.run(
        [sys.executable, "-m", "include.streaming.producer"],
        env=pipeline_environment | {"PIPELINE_MARKETS": f"binance:{name}"},
        cwd=tmp_path, capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    said = run.stdout + run.stderr
    assert run.returncode == 2, said
    assert "PIPELINE_MARKETS" in said
    assert said.count("\n") == 1
    assert "\u202e" not in said
    assert len(said) < 600
    assert list(tmp_path.iterdir()) == []


@pytest.mark.fault(30)
def test_refused_in_records_by_both_sinks(settings, bucket, story, tmp_path):
    """
    As symbol and as exchange; the good snapshot between them arrives.
    """
    writer = AcknowledgedWriter(settings, "test-names")
    bad = [{"symbol": name} for name in ATTACKS.values()]
    bad += [{"exchange": name.lower()} for name in ATTACKS.values()]
    values = [changed(fields) for fields in bad]
    writer.write([Outgoing(settings.topic_market, b"attack", value) for value in values])
    writer.close()
    publish(settings, [SNAPSHOT])
    with RunningConsumer(settings) as consuming:
        wait_until_saved(settings)
    with connect(settings, application="test") as connection:
        drained = drain(connection, settings)

    letters = bucket.dead_letters()
    story.injected(f"{len(bad)} records with names as attacks")
    story.found(f"{len(letters)} dead letters of the consumer, {drained.dead_letters} of the drain")
    assert consuming.failure is None
    assert (drained.snapshots, drained.dead_letters, len(letters)) == (1, len(bad), len(bad))
    assert all("\n" not in letter["reason"] for letter in letters)
    assert all("\u202e" not in letter["reason"] for letter in letters)
    assert bucket.count() == 1


def changed(fields):
    return json.dumps(json.loads(wire.encode(SNAPSHOT)) | fields).encode()


@pytest.mark.fault(30)
def test_escaped_in_line_protocol_and_bound_in_sql(settings, bucket, story):
    """
    Had one come through all the same: it would be a tag of one series, and a value of one column.
    """
    # InfluxDB takes no tag that ends with a backslash or holds a line break: ours never do.
    names = [name for name in ATTACKS.values() if "\n" not in name and not name.endswith("\\")]
    sink = InfluxDB(settings)
    sink.write(lines.encode(PricePoint("binance", name, TS_MS, {"close": 1.0}) for name in names))
    sink.close()
    s = settings
    postgres = Postgres(
        f"host={s.postgres_host} port={s.postgres_port} dbname={s.postgres_database}"
        f" user={s.postgres_user} passfile={s.postgres_passfile}"
    )
    counts = [postgres.trades(name) for name in ATTACKS.values()]
    postgres.close()

    symbols = {symbol for _, _, symbol, _, _ in bucket.stored()}
    story.injected(f"{len(names)} such names written past all checks")
    story.found(f"{len(symbols)} series, named as they were")
    assert symbols == set(names)
    assert counts == [[]] * len(ATTACKS)
