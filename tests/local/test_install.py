"""Set-ups that fail, are cut short, meet each other, or get what was not pinned. No network."""

import io
import os
import re
import signal
import subprocess
import sys
import tarfile
import textwrap
import time
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path
from threading import Event

import pytest

from include.errors import Exit, Misconfigured, PipelineError, Unavailable
from local.cache import cache_root, definition_key
from local.console import Console
from local.install import influxdb, kafka, maven, postgres, require_space, step, toolchain
from local.install.component import Build, Component
from local.install.crew import Crew
from local.install.step import Step
from local.tools import PYTHONS
from tests import waiting

ROOT = Path(__file__).parents[2]
PATIENCE_S = 20.0
eventually = partial(waiting.eventually, timeout_s=PATIENCE_S)
Start = Callable[[str], subprocess.Popen[str]]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(step, "PAUSE_S", 0.0)
    return cache_root()


def component(build: Build, name: str = "thing") -> Component:
    return Component(
        name=name, title=name.title(), version="1", definition=(b"one",), disk_mb=1, build=build,
        is_intact=lambda path: (path / "product").is_file(),
    )  # fmt: skip


def running(script: str) -> Build:
    """Return a build that runs a shell script in its work folder; $1 is the product's folder."""

    def build(product: Path, work: Path, current: Step) -> None:
        current.run(["sh", "-c", script, "sh", product], "trying", cwd=work)

    return build


def set_up(*components: Component) -> str:
    """Set up and return what the user read."""
    stream = io.StringIO()
    Crew(Console(stream)).set_up(components)
    return stream.getvalue()


def failure(script: str) -> PipelineError:
    with pytest.raises(PipelineError) as error:
        set_up(component(running(script)))
    assert "\n" not in str(error.value)
    return error.value


def test_what_is_built_is_published_whole_and_leaves_nothing_else(cache: Path) -> None:
    thing = component(running('mkdir "$1" && echo 42 > "$1/product"'))
    assert not thing.is_ready()
    read = set_up(thing)
    assert thing.is_ready()
    assert (thing.slot.path / "product").read_text() == "42\n"
    assert not thing.slot.partial.exists()
    assert re.fullmatch(r"Thing: setting up \(log: .*\)\nThing: ready in \d+ s\n", read)


def test_a_damaged_product_is_built_again() -> None:
    thing = component(running('mkdir "$1" && echo 42 > "$1/product"'))
    set_up(thing)
    (thing.slot.path / "product").unlink()
    assert not thing.is_ready()
    set_up(thing)
    assert thing.is_ready()


def test_another_definition_has_another_place() -> None:
    assert definition_key(b"a", b"b") != definition_key(b"ab")
    assert definition_key(b"a") != definition_key(b"b")
    assert re.fullmatch("[0-9a-f]{8}", definition_key(b"a"))


def test_a_relative_cache_home_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "somewhere")
    assert cache_root() == Path.home() / ".cache" / "crypto-kpi-pipeline"


def test_a_failing_tool_is_told_with_its_cause_and_log(cache: Path) -> None:
    error = failure("echo fine; echo 'error: it is broken'; echo later; exit 3")
    assert error.exit_code == Exit.FAILED
    log = component(running("")).slot.log
    assert str(error) == f"thing: failed while trying: error: it is broken; log: {log}"
    assert "later" in log.read_text()


MAVEN_AWAY = """
[INFO] BUILD FAILURE
[ERROR] Plugin p could not be resolved: Could not transfer artifact p: Unknown host h -> [Help 1]
[ERROR] To see the full stack trace of the errors, re-run Maven with the -e switch.
[ERROR] [Help 1] see there
"""
MAVEN_DAMAGED = MAVEN_AWAY.replace("Unknown host h", "Checksum validation failed")
MAVEN_WRONG = MAVEN_AWAY.replace("Could not transfer artifact p: Unknown host h", "it is wrong")


@pytest.mark.parametrize(
    ("printed", "kind", "told"),
    [
        (MAVEN_AWAY, Unavailable, "the network is away while trying (Could not transfer artifact)"),
        (MAVEN_DAMAGED, Misconfigured, "fetched something else than is pinned: Plugin p could"),
        (MAVEN_WRONG, PipelineError, "failed while trying: Plugin p could not be resolved: it is"),
    ],
)
def test_what_maven_prints_is_understood(
    printed: str, kind: type[PipelineError], told: str
) -> None:
    error = failure(f"cat <<'END'\n{printed}\nEND\nexit 1")
    assert type(error) is kind
    assert str(error).startswith(f"thing: {told}")


def test_a_full_disk_is_the_users_to_fix() -> None:
    error = failure("head -c 9 /dev/zero > /dev/full")
    assert isinstance(error, Misconfigured)
    assert "no space left on the disk of" in str(error)


def test_a_full_disk_met_by_ourselves_reads_the_same() -> None:
    def build(product: Path, work: Path, current: Step) -> None:
        Path("/dev/full").write_text("data")

    with pytest.raises(Misconfigured, match=r"^thing: no space left on the disk of"):
        set_up(component(build))


def test_an_absent_network_is_tried_again_then_told() -> None:
    connect = f'"{sys.executable}" -c "import socket; socket.create_connection((\'127.0.0.1\', 9))"'
    error = failure(f"echo attempt >> attempts; {connect}")
    assert isinstance(error, Unavailable)
    assert str(error).startswith("thing: the network is away while trying (Connection refused): ")
    attempts = component(running("")).slot.partial / "work" / "attempts"
    assert attempts.read_text() == "attempt\n" * step.ATTEMPTS


def test_a_disk_that_is_too_small_is_known_before_anything_is_done(cache: Path) -> None:
    whole_disk = Component("x", "X", "1", (), 10**12, running(""), lambda path: True)
    with pytest.raises(Misconfigured, match=r"setting up takes 1000000000\.0 GB in .*GB left"):
        require_space([whole_disk])
    assert not cache.exists()


def test_one_failure_ends_the_others_and_their_children(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    slow = component(running(f"sleep 300 & echo $! > {pid_file}; wait"), "slow")
    quick = component(running(f"while ! [ -s {pid_file} ]; do sleep 0.05; done; exit 1"), "quick")
    began = time.monotonic()
    with pytest.raises(PipelineError, match=r"^quick: "):
        set_up(slow, quick)
    assert time.monotonic() - began < PATIENCE_S
    assert not is_alive(int(pid_file.read_text()))
    assert not slow.slot.path.exists()


SET_UP = """
    import io, sys
    from pathlib import Path
    from local.console import Console
    from local.install import __main__ as program
    from local.install.component import Component
    from local.install.crew import Crew

    def build(product, work, step):
        step.run(["sh", "-c", sys.argv[1], "sh", product], "trying", cwd=work)

    def install(names):
        thing = Component("thing", "Thing", "1", (b"one",), 1, build, lambda path: True)
        Crew(Console()).set_up([thing])

    program.install = install
    sys.exit(program.main([]))
"""
# The first attempt leaves a file and hangs; the next one finds it and ends.
HANGS_ONCE = """
    if [ -e begun ]; then mkdir "$1"; cp begun "$1/product"; exit; fi
    echo $$ > begun.new; mv begun.new begun; sleep 300
"""


@pytest.fixture
def start(cache: Path) -> Iterator[Start]:
    """Start set-ups in other processes, each with a script for its tool."""
    processes: list[subprocess.Popen[str]] = []

    def start_one(script: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", textwrap.dedent(SET_UP), script]
        process = subprocess.Popen(command, cwd=ROOT, text=True, stderr=subprocess.PIPE)
        processes.append(process)
        return process

    yield start_one
    for process in processes:
        with process:  # closes the pipe and waits
            process.kill()


@pytest.fixture
def hanging(start: Start) -> subprocess.Popen[str]:
    """Start a set-up in another process and wait until its tool hangs."""
    process = start(HANGS_ONCE)
    eventually((component(running("")).slot.partial / "work" / "begun").exists, "a begun work")
    return process


def is_alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_set_up_ends_its_tools_and_resumes(
    hanging: subprocess.Popen[str], number: signal.Signals
) -> None:
    thing = component(running(textwrap.dedent(HANGS_ONCE)))
    tool = int((thing.slot.partial / "work" / "begun").read_text())
    hanging.send_signal(number)
    _, told = hanging.communicate(timeout=PATIENCE_S)
    assert hanging.returncode == 130
    assert told.splitlines()[1:] == ["interrupted; run it again to resume"]
    assert not is_alive(tool)
    assert not thing.slot.path.exists()
    set_up(thing)
    assert (thing.slot.path / "product").read_text() == f"{tool}\n"


def test_a_killed_set_up_is_resumed_when_the_tool_it_left_has_ended(
    hanging: subprocess.Popen[str], start: Start
) -> None:
    thing = component(running(textwrap.dedent(HANGS_ONCE)))
    tool = int((thing.slot.partial / "work" / "begun").read_text())
    hanging.kill()
    hanging.communicate()
    assert is_alive(tool)
    second = start(HANGS_ONCE)
    assert second.stderr is not None
    assert second.stderr.readline() == "Thing: waiting for another set-up of it to finish\n"
    assert not thing.slot.path.exists()
    os.killpg(tool, signal.SIGKILL)
    _, told = second.communicate(timeout=PATIENCE_S)
    assert second.returncode == 0
    assert "Thing: ready in" in told
    assert thing.is_ready()


def test_two_set_ups_at_once_build_it_once(tmp_path: Path, start: Start) -> None:
    release, counter = tmp_path / "release", tmp_path / "counter"
    script = f"""
        echo built >> {counter}
        while ! [ -e {release} ]; do sleep 0.05; done
        mkdir "$1"; touch "$1/product"
    """
    first = start(script)
    eventually(counter.exists, "the first count")
    second = start(script)
    assert second.stderr is not None
    waiting = second.stderr.readline()
    release.touch()
    told = second.communicate(timeout=PATIENCE_S)[1]
    assert first.wait(PATIENCE_S) == second.returncode == 0
    assert waiting == "Thing: waiting for another set-up of it to finish\n"
    assert told == "Thing: set up meanwhile\n"
    assert counter.read_text() == "built\n"


def test_jars_must_be_the_pinned_ones(tmp_path: Path) -> None:
    (tmp_path / "a.jar").write_bytes(b"a")
    good = {"a.jar": sha256(b"a").hexdigest()}
    assert maven.compare(tmp_path, good) == ""
    assert maven.compare(tmp_path, good | {"b.jar": "0" * 64}) == "b.jar is missing"
    assert maven.compare(tmp_path, {}) == "a.jar is not expected"
    (tmp_path / "a.jar").write_bytes(b"A")
    assert maven.compare(tmp_path, good).startswith("a.jar has sha256 559aead08264..., expected")


def test_a_tampered_jar_is_refused_and_fetched_again(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = tmp_path / "mirror.jar"
    mirror.write_bytes(b"tampered")
    program = tmp_path / "mvn"  # what a mirror would deliver, through a local repository
    program.write_text(f"""#!/bin/sh
        for argument; do
            case "$argument" in
            -Dmaven.repo.local=*) repository="${{argument#*=}}" ;;
            -DoutputDirectory=*) into="${{argument#*=}}" ;;
            esac
        done
        mkdir -p "$repository" "$into"
        [ -e "$repository/a.jar" ] || cp {mirror} "$repository/a.jar"
        cp "$repository/a.jar" "$into"
    """)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    def build(product: Path, work: Path, current: Step) -> None:
        hashes = {"a.jar": sha256(b"genuine").hexdigest()}
        maven.fetch_jars(tmp_path / "pom.xml", hashes, product, work, current)
        (product / "product").touch()

    thing = component(build)
    with pytest.raises(Misconfigured, match=r"^thing: a\.jar has sha256 .*nothing was installed"):
        set_up(thing)
    assert not thing.slot.path.exists()
    mirror.write_bytes(b"genuine")
    set_up(thing)
    assert (thing.slot.path / "a.jar").read_bytes() == b"genuine"


def test_postgres_is_readable_by_the_user_it_runs_as(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:xz") as archive:
        for name, mode in (("bin/postgres", 0o700), ("share/timezone", 0o600)):
            entry = tarfile.TarInfo(name)
            entry.mode = mode
            archive.addfile(entry)
    with zipfile.ZipFile(tmp_path / "it.jar", "w") as jar:
        jar.writestr("postgres-linux-x86_64.txz", packed.getvalue())
    umask = os.umask(0o077)
    try:
        postgres.unpack(tmp_path / "it.jar", tmp_path / "it")
    finally:
        os.umask(umask)
    modes = {name: (tmp_path / "it" / name).stat().st_mode & 0o777 for name in ("", "bin", "share")}
    assert modes == {"": 0o755, "bin": 0o755, "share": 0o755}
    assert (tmp_path / "it" / "bin" / "postgres").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "it" / "share" / "timezone").stat().st_mode & 0o777 == 0o644


def test_versions_told_are_the_versions_pinned() -> None:
    modules = (influxdb.HERE / "go.mod").read_text()
    assert f"github.com/influxdata/influxdb/v2 v{influxdb.VERSION}" in modules
    assert f"<version>{kafka.component().version}</version>" in kafka.POM.read_text()
    assert f"kafka_2.13-{kafka.component().version}.jar" in maven.read_hashes(kafka.HASHES)
    assert f"<version>{postgres.component().version}.0</version>" in postgres.POM.read_text()
    assert len(maven.read_hashes(postgres.HASHES)) == len(postgres.ARCHITECTURES)
    wanted = (ROOT / ".python-version").read_text().split(".")
    assert tuple(map(int, wanted)) in PYTHONS


def test_the_toolchain_lies_in_the_cache(cache: Path) -> None:
    there = toolchain()
    for path in (there.python, there.kafka_libs, there.postgres, there.influxd):
        assert path.is_relative_to(cache)


def test_progress_is_told_now_and_then_where_lines_stay() -> None:
    now = [0.0]
    stream = io.StringIO()
    console = Console(stream, every_s=10.0, clock=lambda: now[0])
    for now[0] in (1.0, 9.9, 10.0, 15.0, 20.5):
        console.progress([f"at {now[0]}"])
    assert stream.getvalue() == "at 10.0\nat 20.5\n"


def test_a_stopped_step_starts_no_tool(tmp_path: Path) -> None:
    stop = Event()
    stop.set()
    with pytest.raises(KeyboardInterrupt):
        Step("x", tmp_path / "log", stop, lock=0).run(["touch", "made"], "x", cwd=tmp_path)
    assert not (tmp_path / "made").exists()
