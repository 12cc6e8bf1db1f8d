"""The migration runner: each file once, also with concurrent runners, never after a change."""

import re
import shutil
import threading
from pathlib import Path

import pytest

from include.errors import Misconfigured
from include.settings import Settings
from include.warehouse.connection import Connection, connect
from include.warehouse.migrations import DIRECTORY, migrate
from local.line import Line
from local.provision.postgres import create_market_database, drop_database, superuser
from tests.warehouse.conftest import rows


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """A copy of the applied migrations that a test may change."""
    return Path(shutil.copytree(DIRECTORY, tmp_path / "migrations"))


def test_each_migration_has_its_own_number():
    numbers = [path.name[:5] for path in DIRECTORY.glob("*.sql")]

    assert all(re.fullmatch(r"\d{4}_", number) for number in numbers)
    assert len(set(numbers)) == len(numbers)


def test_an_upgrade_from_before_the_fold_keeps_rows_and_drops_offsets(
    servers: Line, owner_settings: Settings, scripts: Path
):
    later = sorted(scripts.glob("*.sql"))[8:]
    for script in later:
        script.rename(script.with_suffix(".later"))
    name = f"{owner_settings.postgres_database}_old"
    old = owner_settings.model_copy(update={"postgres_database": name})
    with superuser(servers.layout, servers.ports) as connection:
        create_market_database(connection, name, template="template1")
    try:
        migrate(old, scripts)
        with connect(old, application="test") as owner:
            owner.execute("INSERT INTO kafka_offsets VALUES ('t', 0, 7)")
            owner.execute(
                "INSERT INTO crypto_prices (exchange, symbol, timestamp, close)"
                " VALUES ('binance', 'BTC/USDT', '2024-02-29', 1)"
            )

            assert migrate(old) == [script.name for script in later]
            assert rows(owner, "SELECT * FROM kafka_offsets") == []
            for view in ("crypto_prices", "latest_prices"):
                seen = f"SELECT close, macd, macd_ready FROM market_reader.{view}"
                assert rows(owner, seen) == [(1.0, None, None)]
    finally:
        with superuser(servers.layout, servers.ports) as connection:
            drop_database(connection, name)


def test_a_second_run_finds_nothing_to_do(owner: Connection, owner_settings: Settings):
    ledger = rows(owner, "SELECT name, sha256, applied_at FROM schema_migrations ORDER BY name")

    assert migrate(owner_settings) == []
    assert [name for name, *_ in ledger] == sorted(path.name for path in DIRECTORY.glob("*.sql"))
    assert rows(owner, "SELECT * FROM schema_migrations ORDER BY name") == ledger


def test_a_new_file_is_applied_and_named(
    owner: Connection, owner_settings: Settings, scripts: Path
):
    (scripts / "9001_extra.sql").write_text(
        "CREATE TABLE extra (n int); INSERT INTO extra VALUES (7)"
    )

    assert migrate(owner_settings, scripts) == ["9001_extra.sql"]
    assert rows(owner, "SELECT n FROM extra") == [(7,)]


def test_a_failing_file_is_rolled_back_and_ends_the_run(
    owner: Connection, owner_settings: Settings, scripts: Path
):
    (scripts / "9001_good.sql").write_text("CREATE TABLE good (n int)")
    (scripts / "9002_bad.sql").write_text("CREATE TABLE half (n int); SELECT no_such_column")
    (scripts / "9003_after.sql").write_text("CREATE TABLE after_bad (n int)")

    with pytest.raises(Misconfigured, match="no_such_column"):
        migrate(owner_settings, scripts)

    found = rows(owner, "SELECT to_regclass('good'), to_regclass('half'), to_regclass('after_bad')")
    assert found == [("good", None, None)]


def test_two_runners_at_once_apply_each_file_once(
    owner: Connection, owner_settings: Settings, scripts: Path
):
    for n in range(9001, 9004):
        (scripts / f"{n}_slow.sql").write_text(f"SELECT pg_sleep(0.05); CREATE TABLE t{n} (n int)")
    applied: list[list[str]] = []

    def run() -> None:
        applied.append(migrate(owner_settings, scripts))

    runners = [threading.Thread(target=run) for _ in range(4)]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.join()

    assert sorted(map(len, applied)) == [0, 0, 0, 3]
    assert len(rows(owner, "SELECT FROM schema_migrations WHERE name LIKE '9%'")) == 3


def test_a_changed_file_is_rejected_in_one_line(owner_settings: Settings, scripts: Path):
    with (scripts / "0003_trades.sql").open("a") as script:
        script.write("-- an afterthought\n")

    with pytest.raises(Misconfigured, match=r"0003_trades\.sql was changed") as refused:
        migrate(owner_settings, scripts)

    assert "\n" not in str(refused.value)


def test_a_missing_file_is_rejected(owner_settings: Settings, scripts: Path):
    (scripts / "0002_crypto_prices.sql").unlink()

    with pytest.raises(Misconfigured, match=r"0002_crypto_prices\.sql .* missing"):
        migrate(owner_settings, scripts)


def test_a_file_before_an_applied_one_is_rejected(owner_settings: Settings, scripts: Path):
    (scripts / "0001_zz_late.sql").write_text("CREATE TABLE late (n int)")

    with pytest.raises(Misconfigured, match="renumber"):
        migrate(owner_settings, scripts)


def test_the_writer_may_not_migrate(settings: Settings, scripts: Path):
    (scripts / "9001_extra.sql").write_text("CREATE TABLE extra (n int)")

    with pytest.raises(Misconfigured, match=r"permission denied .* as the owner"):
        migrate(settings, scripts)
