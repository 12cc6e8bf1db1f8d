"""Each check of each server fails for a planted fault, names the fix and shows no secret."""

import http.server
import json
import re
import socketserver
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest
from kafka import KafkaAdminClient
from kafka.admin import NewPartitions

from include.doctor.__main__ import check_servers
from include.doctor.check import CheckResult, most_severe
from include.doctor.servers import check_clock, check_service
from include.errors import Exit, Misconfigured, Unavailable
from include.warehouse.connection import connect

NOBODY = "http://127.0.0.1:1"


def failed(settings):
    """Return failed checks by subject, without those of exchanges."""
    return {
        result.subject: (result.code, result.text)
        for result in check_servers(settings)
        if result.code is not Exit.OK and not result.subject.startswith("exchange")
    }


def changed(settings, **values):
    return settings.model_copy(update={"exchange_url": NOBODY, **values})


def test_all_checks_pass(settings):
    assert failed(changed(settings)) == {}


def test_unavailable_servers_name_their_settings(settings):
    away = changed(settings, kafka_bootstrap="127.0.0.1:1", influx_url=NOBODY, postgres_port=1)

    found = failed(away)

    assert {code for code, _ in found.values()} == {Exit.UNAVAILABLE}
    assert {
        (subject.split(",")[0], *re.findall(r"PIPELINE_\w+", text))
        for subject, (_, text) in found.items()
    } == {
        ("Kafka", "PIPELINE_KAFKA_BOOTSTRAP"),
        ("InfluxDB", "PIPELINE_INFLUX_URL"),
        ("PostgreSQL", "PIPELINE_POSTGRES_HOST", "PIPELINE_POSTGRES_PORT"),
    }


def test_a_missing_topic_and_another_number_of_partitions(settings):
    admin = KafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap)
    admin.create_partitions({settings.topic_health: NewPartitions(3)})
    admin.close()
    missing = f"{settings.topic_dead_letters}.none"

    (code, text) = failed(changed(settings, topic_dead_letters=missing))["Kafka"]

    assert code is Exit.MISCONFIGURED
    assert f"topic {missing}: expected 1 partitions, cleanup.policy delete, found 0" in text
    assert f"topic {settings.topic_health}: expected 1 partitions" in text
    assert "python -m include.broker.topics" in text


@pytest.mark.parametrize(
    ("setting", "subject"),
    [
        ("influx_token_file", "InfluxDB, writer"),
        ("influx_reader_token_file", "InfluxDB, reader"),
        ("influx_keeper_token_file", "InfluxDB, keeper"),
    ],
)
def test_an_invalid_token_is_misconfigured(settings, tmp_path, setting, subject):
    file = tmp_path / "token"
    file.write_text("canary-8b1d0c7e55aa41f2")
    file.chmod(0o600)

    found = failed(changed(settings, **{setting: file}))

    assert list(found) == [subject]
    code, text = found[subject]
    assert code is Exit.MISCONFIGURED
    assert f"PIPELINE_{setting.upper()}" in text
    assert "canary" not in text


def test_a_pending_migration_is_misconfigured(settings, owner_settings):
    newest = "(SELECT max(name) FROM schema_migrations)"
    with connect(owner_settings, application="test") as owner:
        owner.execute(f"DELETE FROM schema_migrations WHERE name = {newest}")

    found = failed(changed(settings))

    assert list(found) == ["PostgreSQL, writer"]
    assert "migrations not applied: 00" in found["PostgreSQL, writer"][1]


@contextmanager
def answering(body, status=200):
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(body()).encode())

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(("ahead_s", "word"), [(90, "behind"), (-90, "ahead")])
def test_a_wrong_clock_is_misconfigured(settings, ahead_s, word):
    def answer():
        return {"serverTime": int((time.time() + ahead_s) * 1000)}

    with answering(answer) as port, pytest.raises(Misconfigured, match=word):
        check_clock(changed(settings, exchange_url=f"http://127.0.0.1:{port}"), "binance")


def test_a_correct_clock_passes(settings):
    with answering(lambda: {"serverTime": int(time.time() * 1000)}) as port:
        url = f"http://127.0.0.1:{port}"

        assert check_clock(changed(settings, exchange_url=url), "binance").startswith(url)


def test_an_unavailable_exchange(settings):
    with pytest.raises(Unavailable):
        check_clock(changed(settings), "binance")


def test_a_service_that_is_not_ready_has_a_reason(settings):
    answer = {"service": "consumer", "reason": "kafka: no answer"}
    with answering(lambda: answer, status=503) as port:
        found = failed(changed(settings, consumer_health_port=port, producer_health_port=1))

    assert found["consumer"] == (
        Exit.UNAVAILABLE,
        f"http://127.0.0.1:{port}/healthz: not ready: kafka: no answer",
    )
    assert found["producer"][0] is Exit.UNAVAILABLE


def test_a_ready_service_passes(settings):
    with answering(lambda: {"service": "producer"}) as port:
        assert "ready" in check_service(settings, "producer", port)


@contextmanager
def greeting():
    """Yield the port of a program that does not use HTTP."""

    class Greet(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.sendall(b"220 ready\r\n")

    with socketserver.TCPServer(("127.0.0.1", 0), Greet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


@pytest.mark.parametrize("program", [lambda: answering(lambda: {"status": "ok"}), greeting])
def test_another_program_has_a_service_s_port(settings, program):
    with program() as port, pytest.raises(Misconfigured, match="PIPELINE_PRODUCER_HEALTH_PORT"):
        check_service(settings, "producer", port)


def test_a_weak_password_of_the_reader_names_its_setting(settings, tmp_path):
    file = tmp_path / "pgpass"
    file.write_text("*:*:*:*:abc")
    file.chmod(0o600)

    (code, text) = failed(changed(settings, postgres_reader_passfile=file))["PostgreSQL, reader"]

    assert code is Exit.MISCONFIGURED
    assert text.startswith("PIPELINE_POSTGRES_READER_PASSFILE: line 1 of")


def test_misconfigured_is_more_severe_than_unavailable():
    away, wrong = CheckResult("a", "", Exit.UNAVAILABLE), CheckResult("b", "", Exit.MISCONFIGURED)

    assert most_severe([away, wrong]) is Exit.MISCONFIGURED
    assert most_severe([CheckResult("c", ""), away]) is Exit.UNAVAILABLE
    assert most_severe([CheckResult("c", "")]) is Exit.OK


def test_the_command_prints_a_line_each_and_no_traceback(settings, pipeline_environment):
    done = subprocess.run(
        [sys.executable, "-m", "include.doctor"],
        env={**pipeline_environment, "PIPELINE_EXCHANGE_URL": NOBODY},
        capture_output=True,
        text=True,
    )

    assert done.returncode == Exit.UNAVAILABLE
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert [line.split("  ")[0] for line in lines[:2]] == ["Kafka", "InfluxDB, writer"]
    assert lines[-1].startswith("exchange binance   NOT OK ")
    assert "is PIPELINE_EXCHANGE_URL its address" in lines[-1]
