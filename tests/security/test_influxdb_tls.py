"""InfluxDB with TLS: let in, or refused in one line that says what to do."""

import socket
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from include.errors import Misconfigured, Unavailable
from include.influxdb.reader import Reader
from include.influxdb.retention import set_retention
from include.influxdb.writer import InfluxDB
from include.settings import Settings
from local.environment import SIMULATED
from local.line import Line
from local.ports import LOOPBACK
from tests.chaos.servers import eventually
from tests.security.certificates import Authority

POINT = b"crypto_prices,exchange=binance,symbol=BTC/USDT close=1.5 1700000000123"
STOP_S = 20


@pytest.fixture(scope="module")
def line(toolchain, free_ports, authority, tmp_path_factory) -> Iterator[Line]:
    """InfluxDB alone, its tokens made without TLS, that since then speaks it."""
    line = Line(tmp_path_factory.mktemp("tls"), free_ports.ports(), SIMULATED, toolchain)
    try:
        line.start(["influxdb"], detached=False)
    finally:
        line.stop()
    key, certificate = authority.server()
    (command,) = [service.command for service in line.services if service.name == "influxdb"]
    command = [*command, "--tls-key", str(key), "--tls-cert", str(certificate)]
    with line.layout.log("influxdb").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        said = line.layout.log("influxdb").read_text
        eventually(lambda: listens(line.ports.influxdb) or process.poll() is not None, said)
        assert process.poll() is None, said()
        yield line
    finally:
        process.terminate()
        process.wait(STOP_S)


def listens(port: int) -> bool:
    try:
        socket.create_connection((LOOPBACK, port), 1).close()
    except OSError:
        return False
    return True


@pytest.fixture
def told(line: Line, authority: Authority) -> Settings:
    settings = Settings.of(line.environment())
    url = f"https://{LOOPBACK}:{line.ports.influxdb}"
    return settings.model_copy(update={"influx_url": url, "influx_ca_file": str(authority.file)})


def refused(ask: Callable[[], object]) -> str | None:
    """Return the refusal; None if the server hung up before it had told, as Go's may."""
    with pytest.raises((Misconfigured, Unavailable)) as e:
        ask()
    return str(e.value) if isinstance(e.value, Misconfigured) else None


def refusal(settings: Settings) -> str:
    """Return the one line that every client is refused with."""
    lines = {
        eventually(lambda ask=ask: refused(ask), "a refusal")
        for ask in (
            lambda: InfluxDB(settings).write(POINT),
            lambda: Reader(settings).rows("live.markets", {}),
            lambda: set_retention(settings),
        )
    }
    (line,) = lines
    assert "\n" not in line
    return line


def test_every_client_speaks_tls(told: Settings):
    writer = InfluxDB(told)
    writer.write(POINT)
    writer.close()
    reader = Reader(told)
    start = {"start": datetime(2020, 1, 1, tzinfo=UTC)}
    try:
        found = reader.rows("live.markets", start)
    finally:
        reader.close()

    assert [(row["exchange"], row["symbol"]) for row in found] == [("binance", "BTC/USDT")]
    assert set_retention(told) is False


def test_a_certificate_of_a_stranger_is_refused(told: Settings, stranger: Authority):
    line = refusal(told.model_copy(update={"influx_ca_file": str(stranger.file)}))

    assert "its certificate is rejected" in line
    assert f"PIPELINE_INFLUX_CA_FILE ({stranger.file})" in line


def test_a_certificate_of_another_name_is_refused(told: Settings):
    there = told.influx_url.replace(LOOPBACK, "localhost")

    assert "not valid for 'localhost'" in refusal(told.model_copy(update={"influx_url": there}))


def test_without_tls_where_it_is_asked_for_no_point_is_given_up(told: Settings):
    """The server answers 400, as it does to a bad point."""
    there = told.influx_url.replace("https:", "http:")

    assert refusal(told.model_copy(update={"influx_url": there})) == (
        f"InfluxDB at {there} speaks TLS: expected https in PIPELINE_INFLUX_URL"
    )


def test_tls_where_nobody_speaks_it_is_never_plain_text(settings: Settings):
    there = settings.influx_url.replace("http:", "https:")

    assert refusal(settings.model_copy(update={"influx_url": there})) == (
        f"InfluxDB at {there} speaks no TLS: expected http in PIPELINE_INFLUX_URL"
    )


def test_a_file_of_authorities_that_is_not_there_is_named(told: Settings, tmp_path: Path):
    nowhere = tmp_path / "nowhere.pem"

    line = refusal(told.model_copy(update={"influx_ca_file": str(nowhere)}))

    assert line == (
        "PIPELINE_INFLUX_CA_FILE: expected PEM certificates of authorities in "
        f"{nowhere}: No such file or directory"
    )
