"""PostgreSQL restarted, down, without space: each row once all the same, and nobody else minds."""

import random
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest

from include.errors import Exit
from local.postgres_config import SERVER_USER
from local.provision.postgres import superuser
from tests.chaos.pipeline import flow
from tests.chaos.servers import eventually

DOWN_S = 120
RESTARTS = 6
LEFT_MB = 3
FULL = "No space left on device"
MB = 2**20

busy = pytest.mark.parametrize(
    "exchange_options", [["--symbols", "BTC/USDT,ETH/USDT", "--trades-per-minute", "9000"]]
)


def one_line(run: "subprocess.CompletedProcess[str]") -> str:
    """Return what a drain that PostgreSQL failed said: one line, no traceback."""
    assert run.returncode == Exit.UNAVAILABLE, run.stderr
    assert run.stderr.startswith("drain: PostgreSQL")
    assert run.stderr.count("\n") == 1
    return run.stderr.strip()


@busy
@pytest.mark.slow
@pytest.mark.fault(10)
def test_restarted_at_once_mid_transaction(pipeline, struck, seed, story):
    """
    An immediate shutdown, as `pg_ctl restart -m immediate` does: no transaction is ended.
    """
    chance = random.Random(seed)
    pipeline.start("consumer")
    pipeline.start("producer")
    pipeline.await_stored()
    flow(5)
    pipeline.await_stored()
    failed = []
    for _ in range(RESTARTS):
        before = drained_offsets(pipeline)
        drain = subprocess.Popen(
            [sys.executable, "-m", "include.warehouse.drain"],
            env=pipeline.environment(DRAIN_MAX_ROWS="100"),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        eventually(
            lambda before=before: drained_offsets(pipeline) > before,
            "the drain at work",
            timeout_s=60,
            pause_s=0.01,
        )
        time.sleep(chance.uniform(0, 0.05))  # the moment of the fault, not a wait for something
        assert struck.strike("postgres", signal.SIGQUIT)
        out, error = drain.communicate(timeout=60)
        run = subprocess.CompletedProcess(drain.args, drain.returncode, out, error)
        failed.append(run.returncode != 0 and one_line(run))
        struck.await_answer("postgres")
    verdict = pipeline.settle()

    story.injected(f"{RESTARTS} immediate restarts of PostgreSQL while a drain commits")
    story.found(f"{sum(map(bool, failed))} drains failed and were repeated; {verdict}")
    assert sum(map(bool, failed)) >= RESTARTS // 2
    assert verdict.is_clean, verdict


def drained_offsets(pipeline) -> int:
    postgres = pipeline.stores_postgres()
    try:
        return postgres.sum("kafka_offsets", "next_offset")
    finally:
        postgres.close()


@pytest.mark.fault(11)
@pytest.mark.slow
def test_down_for_minutes(pipeline, struck, story):
    pipeline.start("consumer")
    pipeline.start("producer")
    pipeline.await_stored()
    pipeline.drained()
    struck.stop("postgres")
    give_up_s = time.monotonic() + DOWN_S
    said = set()
    while time.monotonic() < give_up_s:
        said.add(one_line(pipeline.drain()))
        pipeline.await_stored()  # the live path goes on
    struck.start("postgres")
    verdict = pipeline.settle()

    story.injected(f"PostgreSQL stopped for {DOWN_S} s")
    story.found(f"the live path went on; drains said {sorted(said)[0]!r}; then {verdict}")
    assert verdict.is_clean, verdict


@pytest.fixture
def small_disk(servers, tmp_path_factory):
    """A tablespace on a file system of its own, whose size the test changes."""
    folder = tmp_path_factory.mktemp("small disk")
    options = "size=100m,mode=0700"
    if psutil.Process().uids().effective == 0:
        options += f",uid={SERVER_USER}"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)],
        capture_output=True, text=True,
    )  # fmt: skip
    if mounted.returncode != 0:
        pytest.skip(f"only root may mount a small file system: {mounted.stderr.strip()}")
    with superuser(servers.layout, servers.ports) as connection:
        connection.execute(f"CREATE TABLESPACE small LOCATION '{folder}'")
    yield folder
    with superuser(servers.layout, servers.ports) as connection:
        connection.execute("DROP TABLESPACE small")
    subprocess.run(["umount", str(folder)], check=True)


@busy
@pytest.mark.slow
@pytest.mark.fault(12)
def test_disk_full(small_disk, pipeline, servers, story):
    with superuser(servers.layout, servers.ports) as connection:
        connection.execute(
            f"ALTER DATABASE {pipeline.settings.postgres_database} SET TABLESPACE small"
        )
    grow(small_disk, shutil.disk_usage(small_disk).used + LEFT_MB * MB)
    said, rows = drained_until_full(pipeline)
    grow(small_disk, 500 * MB)
    verdict = pipeline.settle()

    story.injected(f"{LEFT_MB} MB left on the file system of the tables")
    story.found(f"{said!r}; {rows} trades stayed as they were; with space again {verdict}")
    assert verdict.is_clean, verdict


def grow(disk, size_bytes: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size_bytes}", str(disk)], check=True)


def drained_until_full(pipeline) -> tuple[str, int]:
    """Drain until PostgreSQL has no space; return what was said, and how many trades it has."""
    pipeline.start("consumer")
    pipeline.start("producer")
    pipeline.await_stored()

    def full():
        run = pipeline.drain(DRAIN_MAX_ROWS="1000")
        return run if run.returncode else None

    said = one_line(eventually(full, "a full disk"))
    stood = counted(pipeline)
    assert FULL in said
    assert FULL in one_line(pipeline.drain(DRAIN_MAX_ROWS="1000"))
    assert counted(pipeline) == stood
    return said, stood[0]


def counted(pipeline) -> tuple[int, int]:
    postgres = pipeline.stores_postgres()
    try:
        return postgres.count("trades"), postgres.sum("kafka_offsets", "next_offset")
    finally:
        postgres.close()
