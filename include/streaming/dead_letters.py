"""
The consumer's dead letters: records that cannot be decoded, or whose points InfluxDB rejects.

Each is stored in the topic of the dead letters, with the reason and the record's position.
"""

import base64
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from include.broker.records import Outgoing, Record
from include.settings import Settings

VERSION = 1
MAX_VALUE_BYTES = 64 * 1024
"""Bytes of the record's value that are stored: enough to recognize it."""


class DeadLetter(NamedTuple):
    """A record, and the reason why it was quarantined."""

    record: Record
    reason: str


class StoredDeadLetter(NamedTuple):
    """A dead letter as the topic has it."""

    topic: str
    """Topic of the quarantined record."""
    partition: int
    offset: int
    reason: str
    value_bytes: int
    """Length of the record's value."""
    start: bytes
    """The record's value, or its first MAX_VALUE_BYTES."""


class _Body(msgspec.Struct):
    topic: str
    partition: int
    offset: int
    reason: str
    value_bytes: int
    value_base64: bytes  # msgspec decodes bytes from base64
    v: int = VERSION


_decoder = msgspec.json.Decoder(_Body)


def decode(value: bytes | None) -> StoredDeadLetter:
    """Decode a record of the topic, which only the consumer writes to."""
    body = _decoder.decode(value or b"")
    return StoredDeadLetter(
        body.topic, body.partition, body.offset, body.reason, body.value_bytes, body.value_base64
    )


def encode(settings: Settings, letters: Sequence[DeadLetter]) -> list[Outgoing]:
    """Return *letters* as records, keyed by position. A repeated letter has the same key."""
    return [_encode_one(settings, letter) for letter in letters]


def _encode_one(settings: Settings, letter: DeadLetter) -> Outgoing:
    record = letter.record
    value = record.value or b""
    position = f"{record.topic}/{record.partition}/{record.offset}"
    body = {
        "v": VERSION,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "reason": letter.reason,
        "value_bytes": len(value),
        "value_base64": base64.b64encode(value[:MAX_VALUE_BYTES]).decode(),
    }
    return Outgoing(settings.topic_dead_letters, position.encode(), msgspec.json.encode(body))
