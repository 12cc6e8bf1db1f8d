"""The fixtures that give every test a pipeline of its own."""

from collections.abc import Callable
from pathlib import Path

import psycopg
from influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from kafka import KafkaAdminClient

from include.broker.topics import get_topic_specs
from include.settings import Settings


def connect(settings: Settings) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(
        host=settings.postgres_host, port=settings.postgres_port, user=settings.postgres_user,
        dbname=settings.postgres_database, passfile=str(settings.postgres_passfile),
    )  # fmt: skip


def test_topics_are_there(settings: Settings) -> None:
    admin = KafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap)
    try:
        assert set(get_topic_specs(settings)) <= set(admin.list_topics())
    finally:
        admin.close()


def test_the_database_has_empty_tables(settings: Settings, owner_settings: Settings) -> None:
    with connect(settings) as connection:
        assert connection.execute("SELECT count(*) FROM crypto_prices").fetchone() == (0,)
        assert connection.execute("SELECT current_user").fetchone() == ("market_writer",)
    with connect(owner_settings) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("market_owner",)


def test_one_token_writes_the_other_reads(
    settings: Settings, influx_reader_token_file: Path
) -> None:
    def client(token_file: Path) -> InfluxDBClient:
        token = token_file.read_text()
        return InfluxDBClient(settings.influx_url, token, org=settings.influx_org)

    with client(settings.influx_token_file) as writer:
        writer.write_api(SYNCHRONOUS).write(settings.influx_bucket, record="m,t=a x=1.5 1000")
    with client(influx_reader_token_file) as reader:
        query = f'from(bucket: "{settings.influx_bucket}") |> range(start: 0)'
        rows = [row.get_value() for table in reader.query_api().query(query) for row in table]
    assert rows == [1.5]


def test_a_process_can_be_told_everything(
    settings: Settings, pipeline_environment: dict[str, str], monkeypatch
) -> None:
    set_variable: Callable[[str, str], None] = monkeypatch.setenv
    for name, value in pipeline_environment.items():
        if name.startswith("PIPELINE_"):
            set_variable(name, value)
    assert Settings.load() == settings
