"""A secret's file: closed to others and worth the name, or nothing starts."""

import secrets
from pathlib import Path

import pytest

from include.errors import Misconfigured
from include.influxdb.reader import Reader
from include.influxdb.writer import InfluxDB
from include.security import read_secret
from include.settings import Settings
from local.credentials import create_secrets, write_private
from local.layout import Layout
from local.ports import Ports

VARIABLE = "PIPELINE_INFLUX_TOKEN_FILE"


def complaint(file: Path) -> str:
    with pytest.raises(Misconfigured, match=f"^{VARIABLE}: ") as refused:
        read_secret(VARIABLE, file)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        ("", "is empty"),
        ("changeme", "holds a placeholder"),
        ("<change-me-in-production>", "holds a placeholder"),
        ("my-super-secret-auth-token", "holds a placeholder"),
        ("PASSWORD_1234567890", "holds a placeholder"),
        ("q7Zp-4_xKe", "expected a random secret of 16 characters"),
        ("abababababababababababab", "can be guessed"),
    ],
)
def test_what_is_no_secret_is_refused_and_not_shown(tmp_path: Path, secret: str, why: str):
    file = tmp_path / "token"
    write_private(file, f"{secret}\n")

    said = complaint(file)

    assert why in said
    assert str(file) in said
    assert not secret or secret not in said


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o644])
def test_what_others_may_read_is_refused_with_the_command_that_mends_it(tmp_path: Path, mode: int):
    file = tmp_path / "token"
    write_private(file, secrets.token_urlsafe(32))
    file.chmod(mode)

    assert complaint(file).endswith(f"expected mode 0600, found {mode:04o}: chmod 600 {file}")

    file.chmod(0o400)
    assert read_secret(VARIABLE, file)


def test_what_is_not_there_or_no_text_is_refused(tmp_path: Path):
    assert "No such file" in complaint(tmp_path / "nowhere")
    file = tmp_path / "token"
    write_private(file, "")
    file.write_bytes(b"\xff" * 32)
    assert "not UTF-8" in complaint(file)


def test_what_the_openssl_program_makes_is_taken(tmp_path: Path):
    file = tmp_path / "token"
    for secret in (secrets.token_hex(32), secrets.token_hex(8), secrets.token_urlsafe(16)):
        write_private(file, f"  {secret}\n")
        assert read_secret(VARIABLE, file) == secret


@pytest.mark.parametrize("client", [InfluxDB, Reader])
def test_no_client_of_influxdb_starts_with_a_placeholder(tmp_path: Path, client):
    file = tmp_path / "token"
    write_private(file, "changeme")

    with pytest.raises(Misconfigured, match="holds a placeholder"):
        client(Settings(influx_token_file=file, influx_reader_token_file=file))


def test_a_line_does_not_start_with_a_secret_somebody_put_there(tmp_path: Path):
    layout = Layout(tmp_path / "line")
    layout.create()
    file = layout.secret("grafana_admin_password")
    write_private(file, "admin")

    with pytest.raises(Misconfigured, match=f"{file}: expected a random secret"):
        create_secrets(layout, Ports())

    write_private(file, secrets.token_urlsafe(32))
    file.chmod(0o644)
    with pytest.raises(Misconfigured, match=f"found 0644: chmod 600 {file}"):
        create_secrets(layout, Ports())
