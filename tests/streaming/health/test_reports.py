"""Health on its way into InfluxDB: both services', with and without a market."""

import asyncio
import contextlib
import json
import time

from include.broker.log_reader import LogReader
from include.broker.records import Outgoing
from include.broker.writer import AcknowledgedWriter
from include.streaming.health.producer import STALE_AT_LEAST_S
from include.streaming.health.snapshots import encode
from include.streaming.producer import produce
from local.credentials import write_private
from tests.exchange.conftest import opened
from tests.streaming.consuming import RunningConsumer, publish, wait_until_saved
from tests.streaming.health.asking import (
    healthz,
    metrics,
    wait_for_metric,
    wait_until_failing,
    wait_until_ready,
)
from tests.streaming.health.test_snapshots import Camera, ConsumerHealth
from tests.streaming.test_consumer import snapshots
from tests.waiting import eventually


def reported(bucket, service, field, **tags):
    """Return the values of one field of pipeline_health by time in ms."""
    rows = bucket.query(
        f'from(bucket: "{bucket.settings.influx_bucket}") |> range(start: 0)'
        ' |> filter(fn: (r) => r._measurement == "pipeline_health"'
        f' and r.service == "{service}" and r._field == "{field}")'
    )
    return {
        round(row["_time"].timestamp() * 1000): row["_value"]
        for row in rows
        if tags.items() <= row.items()
    }


def wait_for_report(bucket, service, field, enough=lambda values: values, **tags):
    def found():
        values = reported(bucket, service, field, **tags)
        return (values,) if enough(values) else None

    (values,) = eventually(found, f"{service}'s {field}")
    return values


@contextlib.asynccontextmanager
async def producing(settings):
    task = asyncio.create_task(produce(settings))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_both_services_are_in_pipeline_health(healthy_settings, bucket):
    async with opened() as exchange:
        told = healthy_settings.model_copy(update={"exchange_url": exchange.url})
        btc = {"exchange": "binance", "symbol": "BTC/USDT"}
        with RunningConsumer(told):
            async with producing(told):
                for wanted in (
                    ("producer", "published_total", {**btc, "type": "trades"}),
                    ("producer", "market_lag_seconds", btc),
                    ("producer", "transaction_seconds_p95", {}),
                    ("consumer", "points_total", {"measurement": "crypto_prices"}),
                    ("consumer", "store_latency_seconds_p99", {}),
                    ("consumer", "kafka_lag_records", {"partition": "0"}),
                    ("consumer", "process_resident_memory_bytes", {}),
                ):
                    service, field, tags = wanted
                    await asyncio.to_thread(wait_for_report, bucket, service, field, **tags)
                ready = lambda values: 1.0 in values.values()  # noqa: E731
                for service in ("producer", "consumer"):
                    await asyncio.to_thread(wait_for_report, bucket, service, "ready", ready)


def test_health_is_written_when_no_market_data_flows(healthy_settings, bucket):
    with RunningConsumer(healthy_settings):
        wait_until_ready(healthy_settings.consumer_health_port)
        wait_for_report(bucket, "consumer", "ready", lambda values: 1.0 in values.values())

    assert bucket.stored() == {}


def test_what_is_no_health_is_parked_once_and_the_rest_goes_on(healthy_settings, bucket):
    settings = healthy_settings
    health = ConsumerHealth(settings.model_copy(update={"consumer_health_port": 1}))
    good = [Camera(health).take() for _ in range(2)]
    writer = AcknowledgedWriter(settings, "test-health")
    values = [b"not json", encode(good[0]), b"\xff", None, encode(good[1])]
    writer.write([Outgoing(settings.topic_health, b"test", value) for value in values])
    writer.close()

    with RunningConsumer(settings):
        everything = {snapshot.ts_ms for snapshot in good}
        tag = {"instance": health.instance}
        wait_for_report(
            bucket, "consumer", "ready", lambda found: found.keys() >= everything, **tag
        )
        name = 'pipeline_dead_letters_total{reason="health"}'
        wait_for_metric(settings.consumer_health_port, name, lambda count: count >= 3)
    with RunningConsumer(settings):
        wait_until_ready(settings.consumer_health_port)

    letters = bucket.dead_letters()
    assert sorted(letter["offset"] for letter in letters) == [0, 2, 3]
    assert {letter["topic"] for letter in letters} == {settings.topic_health}


async def test_nothing_of_a_producers_health_is_lost_while_no_consumer_runs(
    healthy_settings, bucket
):
    async with opened() as exchange:
        told = healthy_settings.model_copy(update={"exchange_url": exchange.url})
        async with producing(told):
            with RunningConsumer(told):
                await asyncio.to_thread(wait_for_report, bucket, "producer", "ready")
            await asyncio.to_thread(wait_for_more, told, 3)
        sent = await asyncio.to_thread(times_sent, told)
        with RunningConsumer(told):
            all_there = lambda found: found.keys() >= sent  # noqa: E731
            await asyncio.to_thread(wait_for_report, bucket, "producer", "ready", all_there)

    assert bucket.dead_letters() == []


def wait_for_more(settings, count):
    """Return once *count* more records of health were sent."""
    wanted = len(times_sent(settings)) + count
    eventually(lambda: len(times_sent(settings)) >= wanted, f"{wanted} records of health")


def times_sent(settings):
    found = set()
    with LogReader(settings, settings.topic_health) as reader:
        ends = reader.ends()
        reader.seek(reader.beginnings())
        while any(reader.positions()[p] < end for p, end in ends.items()):
            found |= {json.loads(r.value)["ts_ms"] for r in reader.poll(1_000, timeout_s=1.0)}
    return found


def test_a_refused_token_is_told_though_nothing_is_to_be_written(healthy_settings, tmp_path):
    wrong = tmp_path / "token"
    write_private(wrong, "not-a-token-this-server-knows")
    told = healthy_settings.model_copy(update={"influx_token_file": wrong})

    with RunningConsumer(told):
        body = wait_until_failing(told.consumer_health_port, "influxdb", "answered 401")

    assert "not-the-token" not in json.dumps(body)


def test_what_waits_for_influxdb_shows_its_age_and_the_lag(healthy_settings, bucket):
    away = healthy_settings.model_copy(update={"influx_url": "http://127.0.0.1:1"})
    port = away.consumer_health_port
    sent = snapshots(30)
    publish(away, sent)

    with RunningConsumer(away):
        wait_until_failing(port, "consuming", "InfluxDB at http://127.0.0.1:1")
        oldest_s = time.time() - sent[0].event_ts_ms / 1000
        name = "pipeline_oldest_unwritten_seconds"
        wait_for_metric(port, name, lambda age_s: abs(age_s - oldest_s) < 60)
        found = metrics(port)
        assert sum(v for name, v in found.items() if "kafka_lag_records" in name) >= len(sent)
        wait_for_metric(port, 'pipeline_retries_total{dependency="influxdb"}', lambda n: n >= 1)
    with RunningConsumer(healthy_settings):
        wait_until_saved(healthy_settings)
        wait_for_metric(port, "pipeline_oldest_unwritten_seconds", lambda age_s: age_s == 0)
        wait_until_ready(port)


def test_what_comes_twice_is_counted(healthy_settings, bucket):
    """
    Row 19 of the faults: one point, a counter.
    """
    publish(healthy_settings, snapshots(20))
    publish(healthy_settings, snapshots(20))
    port = healthy_settings.consumer_health_port

    with RunningConsumer(healthy_settings):
        wait_for_metric(port, "pipeline_repeated_events", lambda count: count == 20)
        wait_until_saved(healthy_settings)

    assert len(bucket.points()) == 20


def test_a_missing_health_topic_stops_no_market(healthy_settings, bucket):
    told = healthy_settings.model_copy(update={"topic_health": "no-such-topic"})
    publish(told, snapshots(20))

    with RunningConsumer(told):
        bucket.wait_for(20)


async def test_a_market_that_stands_still_is_not_ready_and_the_log_says_so(healthy_settings):
    async with opened() as exchange:
        told = healthy_settings.model_copy(update={"exchange_url": exchange.url})
        port = told.producer_health_port
        async with producing(told):
            moving = asyncio.create_task(move(exchange.clock))
            await asyncio.to_thread(wait_until_ready, port)
            moving.cancel()
            body = await asyncio.to_thread(
                wait_until_failing, port, "publishing", "behind the exchange"
            )
            assert body["conditions"]["binance"]["status"] == "ready"
            assert body["conditions"]["kafka"]["status"] == "ready"
            moving = asyncio.create_task(move(exchange.clock))
            await asyncio.to_thread(wait_until_ready, port)
            moving.cancel()

    assert STALE_AT_LEAST_S < 60
    assert healthz(port) == (None, {})


async def move(clock):
    """Let the exchange's time go by as ours does."""
    while True:
        await asyncio.sleep(0.1)
        clock.ms += 100


async def test_an_exchange_that_refuses_is_told_by_reason(healthy_settings):
    async with opened() as exchange:
        told = healthy_settings.model_copy(update={"exchange_url": exchange.url})
        port = told.producer_health_port
        async with producing(told):
            moving = asyncio.create_task(move(exchange.clock))
            await asyncio.to_thread(wait_until_ready, port)
            await exchange.fault({"path": "/api", "status": 503})
            await asyncio.to_thread(wait_until_failing, port, "binance")
            name = 'pipeline_refusals_total{exchange="binance",reason="unavailable"}'
            await asyncio.to_thread(wait_for_metric, port, name, lambda n: n >= 1)
            await exchange.fault()
            await asyncio.to_thread(wait_until_ready, port)
            moving.cancel()
