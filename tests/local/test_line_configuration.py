"""What a line is told: `.env`, ports, folders; no servers needed."""

import socket
from dataclasses import fields
from pathlib import Path

import pytest

from include.errors import Misconfigured
from local.configuration import read_configuration
from local.free_ports import FreePorts
from local.layout import SOCKET_PATH_MAX, Layout
from local.ports import LOOPBACK, Ports, is_free


@pytest.fixture
def listener():
    with socket.create_server((LOOPBACK, 0)) as server:
        yield server.getsockname()[1]


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(
        "# comment\n\nexport KAFKA_PORT=20001\nPIPELINE_MARKETS='binance:BTC/USDT'\n"
        "PIPELINE_POLL_INTERVAL_S=2 # fast\nHOME=/elsewhere\n"
    )
    found = read_configuration(file, {"KAFKA_PORT": "20002", "AWS_SECRET": "x", "PATH": "/bin"})
    assert found == {
        "KAFKA_PORT": "20002",
        "PIPELINE_MARKETS": "binance:BTC/USDT",
        "PIPELINE_POLL_INTERVAL_S": "2",
    }


def test_no_file_is_an_empty_one(tmp_path: Path) -> None:
    assert read_configuration(tmp_path / ".env", {}) == {}


def test_the_example_changes_nothing() -> None:
    example = Path(__file__).parents[2] / ".env.example"
    commented = example.read_text()
    assert read_configuration(example, {}) == {}
    offered = [line[1:] for line in commented.splitlines() if line.startswith("#") and "=" in line]
    ports = dict(line.split("=") for line in offered if "_PORT=" in line)
    assert len(ports) == len(fields(Ports))
    assert Ports.read(ports) == Ports()


def test_a_line_that_is_no_setting_is_named(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("KAFKA_PORT=20001\ncanary-2fd1c0\n")
    with pytest.raises(Misconfigured, match=r"\.env, line 2: expected NAME=value") as raised:
        read_configuration(file, {})
    assert "canary" not in str(raised.value)  # it may be a secret that lost its name


@pytest.mark.parametrize("text", ["eighty", "80", "70000", "-1", "19092.0"])
def test_a_wrong_port_names_its_variable(text: str) -> None:
    with pytest.raises(Misconfigured, match=r"POSTGRES_PORT in \.env: expected a port"):
        Ports.read({"POSTGRES_PORT": text})


def test_one_port_for_two_is_refused() -> None:
    with pytest.raises(Misconfigured, match="KAFKA_PORT and POSTGRES_PORT are both 20001"):
        Ports.read({"POSTGRES_PORT": "20001", "KAFKA_PORT": "20001"})


def test_a_taken_port_says_what_for_and_what_to_change(listener: int) -> None:
    ports = Ports(influxdb=listener)
    expected = f"port {listener} for InfluxDB is taken .* set INFLUXDB_PORT in .env"
    with pytest.raises(Misconfigured, match=expected):
        ports.require_free(["influxdb"])


def test_free_ports_are_given_once(tmp_path: Path) -> None:
    mine, theirs = FreePorts(tmp_path), FreePorts(tmp_path)
    taken = [pool.take() for pool in (mine, theirs) for _ in range(20)]
    assert len(set(taken)) == 40
    assert all(is_free(port) for port in taken)
    mine.close()
    theirs.close()
    assert list(tmp_path.iterdir()) == []


def test_the_control_socket_is_short_and_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    deep = Layout(tmp_path.joinpath(*["a folder with a long name"] * 8))
    path = deep.control_socket()
    assert len(str(path)) < SOCKET_PATH_MAX
    assert path.parent.stat().st_mode & 0o777 == 0o700
    path.parent.chmod(0o755)
    with pytest.raises(Misconfigured, match="must be yours alone"):
        deep.control_socket()


def test_a_folder_that_would_break_configuration_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot hold a line"):
        Layout(tmp_path / "one:two").create()


def test_a_full_disk_is_refused_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Half a set-up helps nobody: one line says how much is left and how much it takes.
    """
    monkeypatch.setattr("local.layout.SPACE_MB", 10**12)

    with pytest.raises(Misconfigured, match=r"MB left, a line takes 1000000000000 MB"):
        Layout(tmp_path).require_space()


def test_a_folder_that_cannot_be_closed_is_an_error(tmp_path: Path) -> None:
    """
    A Windows drive in WSL shows every file with mode 0777.
    """
    layout = Layout(tmp_path / "stack")
    layout.create()
    layout.secrets.chmod(0o777)

    with pytest.raises(
        Misconfigured, match=r"secrets with mode 0700, found 0777: move the checkout"
    ):
        layout.create()
