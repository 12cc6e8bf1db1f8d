"""PostgreSQL with TLS: let in, or refused in one line that says what to do."""

import os
import pwd
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.errors import Misconfigured
from include.settings import Settings
from include.warehouse.connection import connect
from local.environment import SIMULATED
from local.line import Line
from local.ports import LOOPBACK
from local.postgres_config import SERVER_USER
from local.provision.postgres import MARKET, MARKET_WRITER, superuser
from tests.security.certificates import Authority

ONLY_TLS = f"hostssl all all {LOOPBACK}/32 scram-sha-256\n"


@pytest.fixture(scope="module")
def line(toolchain, free_ports, authority, tmp_path_factory) -> Iterator[Line]:
    """PostgreSQL alone, its market tables made, that since then speaks TLS only."""
    line = Line(tmp_path_factory.mktemp("tls"), free_ports.ports(), SIMULATED, toolchain)
    try:
        line.start(["postgres"], detached=False)
        demand_tls(line, authority)
        yield line
    finally:
        line.stop()


def demand_tls(line: Line, authority: Authority) -> None:
    data = line.layout.postgres_data
    for name, file in zip(("server.key", "server.crt"), authority.server(), strict=True):
        copy = data / name
        copy.touch(mode=0o600)
        copy.write_bytes(file.read_bytes())
        if os.geteuid() == 0:
            user = pwd.getpwnam(SERVER_USER)
            os.chown(copy, user.pw_uid, user.pw_gid)
    with (data / "postgresql.conf").open("a") as configuration:
        configuration.write("ssl = on\n")
    (data / "pg_hba.conf").write_text(ONLY_TLS)
    with superuser(line.layout, line.ports) as connection:
        connection.execute("SELECT pg_reload_conf()")


@pytest.fixture
def told(line, authority) -> Settings:
    return Settings(
        postgres_host=LOOPBACK,
        postgres_port=line.ports.postgres,
        postgres_database=MARKET,
        postgres_user=MARKET_WRITER,
        postgres_passfile=line.layout.pgpass(MARKET_WRITER),
        postgres_sslmode="verify-full",
        postgres_ca_file=str(authority.file),
    )


def refusal(settings: Settings) -> str:
    with pytest.raises(Misconfigured) as refused:
        connect(settings, application="test")
    assert "\n" not in str(refused.value)
    assert "check PIPELINE_POSTGRES_SSLMODE and PIPELINE_POSTGRES_CA_FILE" in str(refused.value)
    return str(refused.value)


def test_it_is_tls_that_lets_us_in(told: Settings):
    with connect(told, application="test") as connection:
        spoken = connection.execute(
            "SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        ).fetchone()
    assert spoken == (True, "TLSv1.3")


def test_a_certificate_of_a_stranger_is_refused(told: Settings, stranger: Authority):
    line = refusal(told.model_copy(update={"postgres_ca_file": str(stranger.file)}))

    assert "certificate verify failed" in line


def test_a_certificate_of_another_name_is_refused(told: Settings, tmp_path: Path):
    passfile = tmp_path / "pgpass"
    passfile.touch(mode=0o600)
    passfile.write_text(told.postgres_passfile.read_text().replace(LOOPBACK, "localhost"))
    there = {"postgres_host": "localhost", "postgres_passfile": passfile}

    assert 'does not match host name "localhost"' in refusal(told.model_copy(update=there))


def test_without_tls_where_it_is_asked_for(told: Settings):
    assert "no encryption" in refusal(told.model_copy(update={"postgres_sslmode": "disable"}))


def test_a_file_of_authorities_that_is_not_there_is_named(told: Settings, tmp_path: Path):
    nowhere = tmp_path / "nowhere.pem"

    assert str(nowhere) in refusal(told.model_copy(update={"postgres_ca_file": str(nowhere)}))


def test_tls_where_nobody_speaks_it_is_never_plain_text(settings: Settings):
    line = refusal(settings.model_copy(update={"postgres_sslmode": "require"}))

    assert "does not support SSL" in line


def test_the_password_is_asked_for_all_the_same(told: Settings, tmp_path: Path):
    passfile = tmp_path / "pgpass"
    passfile.touch(mode=0o600)
    passfile.write_text("*:*:*:market_writer:canary-wrong-0123456789\n")

    with pytest.raises(Misconfigured, match="password authentication failed"):
        connect(told.model_copy(update={"postgres_passfile": passfile}), application="test")
