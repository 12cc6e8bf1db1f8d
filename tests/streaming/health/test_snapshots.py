"""Snapshots: what a service says of itself, as a record and as lines; and what is none."""

import json

import pytest

from include.errors import BadRecord
from include.settings import Settings
from include.streaming.health.consumer import ConsumerHealth
from include.streaming.health.definitions import CONSUMER, METRICS, RETRIES, STORE_LATENCY, Kind
from include.streaming.health.snapshots import Camera, as_lines, decode, encode


@pytest.fixture
def health():
    return ConsumerHealth(Settings(consumer_health_port=12345))


def fields(snapshot, **tags):
    return next(point.fields for point in snapshot.points if point.tags == tags)


def test_a_snapshot_survives_the_record(health):
    health.retried("kafka")
    snapshot = Camera(health).take()

    assert decode(encode(snapshot)) == snapshot
    assert snapshot.service == "consumer"
    assert snapshot.instance.endswith(":12345")


def test_a_snapshot_has_every_metric_without_labels_at_once(health):
    """
    Also before anything happened: a panel shows 0, not nothing.
    """
    found = fields(Camera(health).take())

    for metric in METRICS:
        if CONSUMER in metric.services and not metric.labels:
            name = f"{metric.name}_count" if metric.kind is Kind.SUMMARY else metric.name
            assert found[name] == 0, name


def test_a_counter_comes_with_its_rate_since_the_snapshot_before(health):
    camera = Camera(health)
    health.metrics.add(RETRIES, "kafka", by=3)
    first = fields(camera.take(), dependency="kafka")
    second = fields(camera.take(), dependency="kafka")

    assert first["retries_total"] == second["retries_total"] == 3
    assert first["retries_per_s"] > 0
    assert second["retries_per_s"] == 0


def test_quantiles_are_fields_of_their_own(health):
    health.metrics.observe(STORE_LATENCY, [0.2] * 10)
    found = fields(Camera(health).take())

    for name in ("p50", "p95", "p99"):
        assert found[f"store_latency_seconds_{name}"] == pytest.approx(0.2, rel=0.05)


def test_every_line_is_of_pipeline_health_and_every_field_a_float(health):
    health.retried("kafka")
    for line in as_lines(Camera(health).take()).decode().splitlines():
        series, values, ts_ms = line.split(" ")
        assert series.startswith("pipeline_health,")
        assert "service=consumer" in series
        assert ts_ms.isdigit()
        for field in values.split(","):
            assert not field.endswith("i")
            float(field.split("=")[1])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("v", 2),
        ("service", "intruder"),
        ("instance", "a,b=c\n"),
        ("instance", ""),
        ("ts_ms", 5),
        ("points", [{"tags": {"user_id": "1"}, "fields": {}}]),
        ("points", [{"tags": {"symbol": "../../etc"}, "fields": {}}]),
        ("points", [{"tags": {}, "fields": {"a b": 1.0}}]),
        ("points", [{"tags": {}, "fields": {"ready": "1"}}]),
    ],
)
def test_refuses_what_no_service_says(health, name, value):
    record = json.loads(encode(Camera(health).take()))

    with pytest.raises(BadRecord, match=r"^expected "):
        decode(json.dumps(record | {name: value}).encode())


@pytest.mark.parametrize("value", [None, b"", b"\xff", b"not json", b"[" * 100_000, b"{}"])
def test_refuses_what_is_no_record(value):
    with pytest.raises(BadRecord, match=r"^expected "):
        decode(value)
