"""Records that will never decode: kept in a topic of their own, with why and where from."""

import base64
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from include.broker.records import Outgoing, Record
from include.settings import Settings

MOST_BYTES = 64 * 1024  # enough to see what it was; a record of 1 MB is not worth keeping whole


class DeadLetter(NamedTuple):
    """A record and why it was refused."""

    record: Record
    reason: str


def outgoing(settings: Settings, letters: Sequence[DeadLetter]) -> list[Outgoing]:
    """Return the letters as records, each keyed by its place: written again it is the same."""
    return [_outgoing(settings, letter) for letter in letters]


def _outgoing(settings: Settings, letter: DeadLetter) -> Outgoing:
    record = letter.record
    value = record.value or b""
    place = f"{record.topic}/{record.partition}/{record.offset}"
    body = {
        "v": 1,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "reason": letter.reason,
        "value_bytes": len(value),
        "value_base64": base64.b64encode(value[:MOST_BYTES]).decode(),
    }
    return Outgoing(settings.topic_dead_letters, place.encode(), msgspec.json.encode(body))
