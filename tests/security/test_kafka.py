"""Kafka with TLS and a password: let in, or refused in one line that says what to do."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.broker.group_member import GroupMember
from include.broker.log_reader import LogReader
from include.broker.records import Outgoing
from include.broker.topics import ensure_topics
from include.broker.writer import AcknowledgedWriter, TransactionalWriter
from include.errors import Misconfigured, Unavailable
from include.settings import Settings
from local.credentials import write_private
from tests.chaos.servers import eventually
from tests.security.secured_broker import USER, SecuredBroker


class Owner:
    """Who is told of partitions, and does nothing about them."""

    def on_revoked(self, partitions):
        pass

    def on_lost(self, partitions):
        pass


@pytest.fixture(scope="module")
def password() -> str:
    return secrets.token_urlsafe(32)


@pytest.fixture(scope="module")
def broker(toolchain, free_ports, authority, password, tmp_path_factory) -> Iterator[SecuredBroker]:
    broker = SecuredBroker(
        tmp_path_factory.mktemp("secured"), free_ports, toolchain, authority, password
    )
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()


@pytest.fixture
def told(broker, authority, password, tmp_path) -> Settings:
    """What whoever may come in is told; the broker answers."""
    file = tmp_path / "password"
    write_private(file, password)
    settings = Settings(
        kafka_bootstrap=broker.bootstrap,
        kafka_security_protocol="SASL_SSL",
        kafka_sasl_username=USER,
        kafka_sasl_password_file=file,
        kafka_ca_file=str(authority.file),
    )

    def answers() -> bool:
        try:
            ensure_topics(settings)
        except Unavailable:
            return False
        return True

    eventually(answers, broker.said)
    return settings


def refusal(settings: Settings) -> str:
    """Return the one line of a client that is let in nowhere."""
    with pytest.raises(Misconfigured) as refused:
        LogReader(settings, settings.topic_market)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_every_client_is_let_in(told: Settings):
    one = Outgoing(told.topic_market, b"key", b"one", "snapshot")
    another = Outgoing(told.topic_market, b"key", b"another", "")
    writer = TransactionalWriter(told, "secured-producer")
    writer.write([one])
    writer.close()
    acknowledged = AcknowledgedWriter(told, "secured")
    acknowledged.write([another])
    acknowledged.close()

    with LogReader(told, told.topic_market) as reader:
        reader.seek(reader.beginnings())
        read = eventually(lambda: len(found := found_of(reader)) and found, "records")
    assert b"one" in read
    member = GroupMember(told, told.topic_market, Owner())
    member.close()


def found_of(reader: LogReader) -> list[bytes]:
    return [record.value for record in reader.poll(10, timeout_s=1.0)]


def test_a_wrong_password_is_the_users_to_fix(told: Settings, tmp_path: Path):
    file = tmp_path / "wrong"
    write_private(file, "canary-" + secrets.token_urlsafe(32))

    line = refusal(told.model_copy(update={"kafka_sasl_password_file": file}))

    assert "it rejects the login of pipeline: check " in line
    assert "PIPELINE_KAFKA_SASL_USERNAME" in line
    assert str(file) in line
    assert "canary" not in line


def test_a_certificate_of_a_stranger_is_refused(told: Settings, stranger):
    line = refusal(told.model_copy(update={"kafka_ca_file": str(stranger.file)}))

    assert "its certificate is rejected" in line
    assert f"PIPELINE_KAFKA_CA_FILE ({stranger.file})" in line


def test_a_certificate_of_another_name_is_refused(told: Settings):
    there = told.kafka_bootstrap.replace("127.0.0.1", "localhost")

    assert "not valid for 'localhost'" in refusal(
        told.model_copy(update={"kafka_bootstrap": there})
    )


def test_without_tls_where_it_is_asked_for(told: Settings):
    line = refusal(told.model_copy(update={"kafka_security_protocol": "PLAINTEXT"}))

    assert "it speaks TLS; expected PIPELINE_KAFKA_SECURITY_PROTOCOL SSL or SASL_SSL" in line


def test_tls_where_nobody_speaks_it_is_never_plain_text(told: Settings, broker: SecuredBroker):
    with pytest.raises(Unavailable):
        LogReader(told.model_copy(update={"kafka_bootstrap": broker.plain}), told.topic_market)


@pytest.mark.parametrize(
    ("content", "why"), [(None, "No such file"), ("", "found none"), ("nothing", "found none")]
)
def test_a_file_without_certificates_is_named(told: Settings, tmp_path: Path, content, why):
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)

    line = refusal(told.model_copy(update={"kafka_ca_file": str(file)}))

    assert line.startswith(
        f"PIPELINE_KAFKA_CA_FILE: expected PEM certificates of authorities in {file}"
    )
    assert why in line
