"""Servers that are installed already: which are used, which are not, and what is said of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from include.errors import Misconfigured
from local import installed
from local.configuration import read_variables
from local.install import check, install, toolchain
from local.installed import SERVERS, find_installed, find_named
from local.layout import Layout
from local.ports import Ports
from local.postgres_config import prepare_postgres

BY_COMPONENT = {server.component: server for server in SERVERS}
VARIABLES = {server.component: server.variable for server in SERVERS}


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A machine with an empty cache, no `.env` and nothing installed but what a test puts there."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(installed, "REPOSITORY", tmp_path)
    monkeypatch.setattr(installed, "POSTGRES_PLACES", (f"{tmp_path}/packages/*/bin/postgres",))
    for variable in VARIABLES.values():
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / "bin").mkdir()
    forget()
    yield tmp_path
    forget()


def forget() -> None:
    """Let the next look at the machine see what a test has changed."""
    find_named.cache_clear()
    find_installed.cache_clear()


def put(program: Path, prints: str) -> Path:
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f"#!/bin/sh\necho '{prints}'\n")
    program.chmod(0o755)
    return program


def put_influxd(folder: Path, version: str) -> Path:
    return put(folder / "influxd", f"InfluxDB v{version} (git: 1234567) build_date: today")


def put_postgres(home: Path, version: str) -> Path:
    put(home / "bin" / "initdb", "")
    put(home / "bin" / "postgres", f"postgres (PostgreSQL) {version}")
    return home


def put_kafka(home: Path, version: str, libraries: str = "libs") -> Path:
    put(home / "bin" / "kafka-server-start.sh", "")
    (home / libraries).mkdir(parents=True)
    for name in (f"kafka_2.13-{version}.jar", f"kafka-clients-{version}.jar"):
        (home / libraries / name).write_text("")
    return home


def name_in_env(machine: Path, component: str, value: object) -> None:
    (machine / ".env").write_text(f"{VARIABLES[component]}={value}\n")


def test_nothing_is_found_where_nothing_is(machine: Path) -> None:
    assert [find_installed(component) for component in BY_COMPONENT] == [None, None, None]


@pytest.mark.parametrize(
    ("version", "suits"),
    [("2.6.1", False), ("2.7.0", True), ("2.9.4", True), ("2.10.0", False), ("1.8.10", False)],
)
def test_an_influxdb_on_the_path_is_used_if_its_version_suits(
    machine: Path, version: str, suits: bool
) -> None:
    program = put_influxd(machine / "bin", version)

    found = find_installed("influxd")

    assert found is not None
    assert (found.path, found.version, not found.problem) == (program, version, suits)
    assert (toolchain().influxd == program) == suits


@pytest.mark.parametrize(
    ("version", "suits"),
    [("15.18 (Debian 15.18-0)", False), ("16.0", True), ("18.1", True), ("19beta1", False)],
)
def test_a_postgresql_on_the_path_is_used_if_its_version_suits(
    machine: Path, version: str, suits: bool
) -> None:
    home = put_postgres(machine / "somewhere", version)
    (machine / "bin" / "postgres").symlink_to(home / "bin" / "postgres")

    found = find_installed("postgres")

    assert found is not None
    assert (found.path, not found.problem) == (home, suits)
    assert (toolchain().postgres == home) == suits


def test_a_packaged_postgresql_is_found_beside_an_old_one_on_the_path(machine: Path) -> None:
    old = put_postgres(machine / "packages" / "15", "15.18")
    (machine / "bin" / "postgres").symlink_to(old / "bin" / "postgres")
    put_postgres(machine / "packages" / "16", "16.4")
    new = put_postgres(machine / "packages" / "17", "17.2")

    assert toolchain().postgres == new


def test_a_postgresql_without_initdb_is_not_used(machine: Path) -> None:
    home = put_postgres(machine / "packages" / "17", "17.2")
    (home / "bin" / "initdb").unlink()

    assert toolchain().postgres != home


@pytest.mark.parametrize("libraries", ["libs", "libexec/libs"])
def test_a_kafka_is_used_by_its_jars(machine: Path, libraries: str) -> None:
    home = put_kafka(machine / "opt" / "kafka", "4.1.0", libraries)
    (machine / "bin" / "kafka-server-start.sh").symlink_to(home / "bin" / "kafka-server-start.sh")

    found = find_installed("kafka")

    assert found is not None
    assert (found.version, found.problem) == ("4.1.0", "")
    assert toolchain().kafka_libs == home / libraries


@pytest.mark.parametrize("version", ["3.9.1", "5.0.0"])
def test_a_kafka_of_another_version_is_not_used(machine: Path, version: str) -> None:
    home = put_kafka(machine / "opt" / "kafka", version)
    (machine / "bin" / "kafka-server-start.sh").symlink_to(home / "bin" / "kafka-server-start.sh")

    assert toolchain().kafka_libs != home / "libs"


def test_one_that_is_named_comes_before_one_on_the_path(machine: Path) -> None:
    put_influxd(machine / "bin", "2.7.12")
    named = put_influxd(machine / "opt", "2.8.0")
    name_in_env(machine, "influxd", named)

    assert toolchain().influxd == named


def test_the_pinned_one_in_the_cache_comes_before_one_on_the_path(machine: Path) -> None:
    put_influxd(machine / "bin", "2.7.12")
    cached = toolchain_without(machine).influxd
    put_influxd(cached.parent, "2.9.1")
    (cached.parent / ".complete").touch()

    assert toolchain().influxd == cached


def toolchain_without(machine: Path):
    """Return the toolchain as it is where nothing is installed."""
    name_in_env(machine, "influxd", "none")
    forget()
    found = toolchain()
    (machine / ".env").unlink()
    forget()
    return found


def test_none_excludes_what_is_on_the_path(machine: Path) -> None:
    program = put_influxd(machine / "bin", "2.7.12")
    name_in_env(machine, "influxd", "none")

    assert find_installed("influxd") is None
    assert find_named("influxd") is None
    assert toolchain().influxd != program


@pytest.mark.parametrize("component", BY_COMPONENT)
def test_one_that_is_named_and_is_not_there_is_an_error(machine: Path, component: str) -> None:
    name_in_env(machine, component, machine / "nowhere")

    with pytest.raises(Misconfigured) as error:
        install([component])

    server = BY_COMPONENT[component]
    assert str(error.value).startswith(
        f"{server.variable}: expected {server.expected} of {server.title} {server.range}, "
    )
    assert str(error.value).endswith("is not that: name another, or delete the line from .env")


def test_one_that_is_named_and_too_old_is_an_error_with_its_version(machine: Path) -> None:
    name_in_env(machine, "postgres", put_postgres(machine / "old", "15.3"))

    with pytest.raises(Misconfigured, match=r"PostgreSQL 16 to 18, found 15\.3 \(.*old\): name"):
        install(["postgres"])


def test_no_compiler_is_needed_for_an_installed_influxdb(machine: Path) -> None:
    put_influxd(machine / "bin", "2.8.0")

    reports = {report.name: report for report in check()}

    compilers = ("go", "cargo", "rustc")
    assert [name for name in compilers if reports[name].needed] == []
    assert reports["mvn"].needed
    assert reports["InfluxDB"].line == (
        f"InfluxDB 2.8.0 {machine}/bin/influxd (in place of InfluxDB 2.9.1): ok"
    )


def test_the_doctor_names_one_that_is_not_used_and_why(machine: Path) -> None:
    program = put_influxd(machine / "bin", "1.8.10")

    (line,) = [report.line for report in check() if report.name == "InfluxDB 2.9.1"]

    assert line == (
        "InfluxDB 2.9.1 (set-up installs it; InfluxDB 2.7 to 2.9 is used where it is installed, "
        f"found 1.8.10 ({program})): ok"
    )


def test_data_of_another_major_version_is_left_alone(machine: Path, tmp_path: Path) -> None:
    layout = Layout(tmp_path / "stack")
    layout.create()
    (layout.postgres_data / "PG_VERSION").write_text("17\n")
    home = put_postgres(machine / "packages" / "18", "18.1")

    with pytest.raises(Misconfigured, match=r"was made by PostgreSQL 17, found 18\.1 .*make clean"):
        prepare_postgres(home, layout, Ports())

    assert [file.name for file in layout.postgres_data.iterdir()] == ["PG_VERSION"]


def test_a_line_of_env_that_is_no_setting_is_passed_over(machine: Path) -> None:
    (machine / ".env").write_text("no setting\nKAFKA_FOLDER='/opt/kafka'\nOTHER=1\n")

    found = read_variables(machine / ".env", {"INFLUXD_PROGRAM": "/x"}, set(VARIABLES.values()))

    assert found == {"KAFKA_FOLDER": "/opt/kafka", "INFLUXD_PROGRAM": "/x"}
