"""
A service's metrics of one moment: the record of `crypto.health`, points of `pipeline_health`.

JSON: `{"v":1,"service":…,"instance":…,"ts_ms":…,"points":[{"tags":{…},"fields":{…}}]}`.
"""

import math
import re
import time

import msgspec

from include.errors import BadRecord
from include.influxdb import lines
from include.settings import EXCHANGE_NAME, SYMBOL_NAME
from include.streaming.health.definitions import BOTH, METRICS
from include.streaming.health.health import Health
from include.streaming.health.metrics import Sample
from include.wire import EARLIEST_MS, LATEST_MS, MAX_VALUE_BYTES

VERSION = 1
MEASUREMENT = "pipeline_health"
# What a record may bring into InfluxDB: no tag of its own invention, no field of any name.
TAGS = frozenset(label for metric in METRICS for label in metric.labels)
FIELD_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
TAG_VALUE = re.compile(r"[\w.:/ -]{1,80}", re.ASCII)
MOST_POINTS = 10_000


class HealthPoint(msgspec.Struct, frozen=True):
    """The fields that share their tags."""

    tags: dict[str, str]
    fields: dict[str, float]


class Snapshot(msgspec.Struct, frozen=True):
    """All metrics of a service at `ts_ms`, by our clock."""

    service: str
    instance: str
    ts_ms: int
    points: list[HealthPoint]
    v: int = VERSION


class Camera:
    """Takes snapshots; each counter comes with its rate since the one before (`…_per_s`)."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self._before: dict[tuple[str, object], float] = {}
        self._before_s = time.monotonic()

    def take(self) -> Snapshot:
        samples, now_s = self._health.metrics.samples(), time.monotonic()
        elapsed_s = max(now_s - self._before_s, 1e-3)
        by_labels: dict[tuple[tuple[str, str], ...], dict[str, float]] = {}
        for sample in samples:
            if not math.isfinite(sample.value):
                continue
            fields = by_labels.setdefault(sample.labels, {})
            fields[sample.name] = float(sample.value)
            if sample.is_counter and sample.name.endswith("_total"):
                rate = (sample.value - self._before.get(_identity(sample), 0.0)) / elapsed_s
                fields[f"{sample.name.removesuffix('_total')}_per_s"] = rate
        self._before = {_identity(s): s.value for s in samples if s.is_counter}
        self._before_s = now_s
        points = [HealthPoint(dict(labels), fields) for labels, fields in by_labels.items()]
        ts_ms = time.time_ns() // 1_000_000
        return Snapshot(self._health.service, self._health.instance, ts_ms, points)


def _identity(sample: Sample) -> tuple[str, object]:
    return sample.name, sample.labels


_decoder = msgspec.json.Decoder(Snapshot)


def encode(snapshot: Snapshot) -> bytes:
    """Return the record's value."""
    return msgspec.json.encode(snapshot)


def decode(value: bytes | None) -> Snapshot:
    """
    Return the snapshot a record holds, checked.

    Raises:
        BadRecord: It is none; park it.
    """
    if not value or len(value) > MAX_VALUE_BYTES:
        raise BadRecord(f"expected 1 to {MAX_VALUE_BYTES} bytes, found {len(value or b'')}")
    try:
        snapshot = _decoder.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError) as e:
        raise BadRecord(f"expected a health record of version {VERSION}: {e}") from None
    except RecursionError:
        raise BadRecord("expected a flat JSON object, found one nested without end") from None
    _check(snapshot)
    return snapshot


def as_lines(snapshot: Snapshot) -> bytes:
    """Return the snapshot's points in line protocol."""
    whose = {"service": snapshot.service, "instance": snapshot.instance}
    return "\n".join(
        lines.encode_line(MEASUREMENT, whose | point.tags, point.fields, snapshot.ts_ms)
        for point in snapshot.points
        if point.fields
    ).encode()


def _check(snapshot: Snapshot) -> None:
    if snapshot.v != VERSION:
        raise BadRecord(f"expected version {VERSION}, found {snapshot.v}")
    if snapshot.service not in BOTH or not TAG_VALUE.fullmatch(snapshot.instance):
        raise BadRecord(f"expected health of {' or '.join(BOTH)}, found another's")
    if not EARLIEST_MS <= snapshot.ts_ms < LATEST_MS:
        raise BadRecord(f"expected ts_ms in ms since the epoch, found {snapshot.ts_ms}")
    if len(snapshot.points) > MOST_POINTS:
        raise BadRecord(f"expected at most {MOST_POINTS} points, found {len(snapshot.points)}")
    for point in snapshot.points:
        _check_tags(point.tags)
        for name in point.fields:
            if not FIELD_NAME.fullmatch(name):
                raise BadRecord(f"expected a metric's name, found {name[:40]!r}")


def _check_tags(tags: dict[str, str]) -> None:
    names = {"exchange": EXCHANGE_NAME, "symbol": SYMBOL_NAME}
    for tag, value in tags.items():
        if tag not in TAGS or not names.get(tag, TAG_VALUE).fullmatch(value):
            raise BadRecord(f"expected a metric's label, found {tag[:40]!r}: {value[:40]!r}")
