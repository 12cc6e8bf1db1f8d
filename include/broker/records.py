"""What crosses the Kafka adapter."""

from typing import NamedTuple

# Of a checkpoint: the state of a fold grows with the markets of its partition, at some KB each.
MAX_RECORD_BYTES = 8 * 1024 * 1024


class Record(NamedTuple):
    """One record read; (topic, partition, offset) is its identity."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None


class Outgoing(NamedTuple):
    """One record to write."""

    topic: str
    key: bytes
    value: bytes | None
    kind: str = ""
    """Goes into the header `type`, for readers who skip by it."""
