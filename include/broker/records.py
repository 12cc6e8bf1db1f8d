"""The records that the Kafka adapter reads and writes."""

from typing import NamedTuple

MAX_RECORD_BYTES = 8 * 1024 * 1024
"""Limit of a checkpoint, the largest record: some KB for each market of its partition."""


class Record(NamedTuple):
    """A record that was read; (topic, partition, offset) identifies it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    """None if the record deletes its key."""


class Outgoing(NamedTuple):
    """A record to write."""

    topic: str
    key: bytes
    value: bytes | None
    """None to delete the key from a compacted topic."""
    kind: str = ""
    """Value of the header `type`, by which readers may skip records; empty for no header."""
