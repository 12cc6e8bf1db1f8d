"""Records that will never decode: kept in a topic of their own, with why and where from."""

import base64
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from include.broker.records import Outgoing, Record
from include.settings import Settings

VERSION = 1
MOST_BYTES = 64 * 1024  # enough to see what it was; a record of 1 MB is not worth keeping whole


class DeadLetter(NamedTuple):
    """A record and why it was refused."""

    record: Record
    reason: str


class Kept(NamedTuple):
    """A letter read back; `start` is all of the record, or its first MOST_BYTES."""

    topic: str
    partition: int
    offset: int
    reason: str
    value_bytes: int
    start: bytes


class _Body(msgspec.Struct):
    topic: str
    partition: int
    offset: int
    reason: str
    value_bytes: int
    value_base64: bytes  # msgspec's format for bytes is base64
    v: int = VERSION


_decoder = msgspec.json.Decoder(_Body)


def decoded(value: bytes | None) -> Kept:
    """Return the letter a record of the topic holds; only we write there."""
    body = _decoder.decode(value or b"")
    return Kept(
        body.topic, body.partition, body.offset, body.reason, body.value_bytes, body.value_base64
    )


def outgoing(settings: Settings, letters: Sequence[DeadLetter]) -> list[Outgoing]:
    """Return the letters as records, each keyed by its place: written again it is the same."""
    return [_outgoing(settings, letter) for letter in letters]


def _outgoing(settings: Settings, letter: DeadLetter) -> Outgoing:
    record = letter.record
    value = record.value or b""
    place = f"{record.topic}/{record.partition}/{record.offset}"
    body = {
        "v": VERSION,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "reason": letter.reason,
        "value_bytes": len(value),
        "value_base64": base64.b64encode(value[:MOST_BYTES]).decode(),
    }
    return Outgoing(settings.topic_dead_letters, place.encode(), msgspec.json.encode(body))
