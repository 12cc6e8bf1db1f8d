"""
Where the consumer stands in each partition, and what its fold remembers there: one record each.

State and offset are in one record, so they are never of two moments. A record of an earlier
moment is as good: folding on from it makes the same points again.
"""

from typing import Any
from uuid import UUID

import msgspec
import structlog

from include.broker.log_reader import latest_by_key
from include.broker.records import Outgoing
from include.kpis.engine import State
from include.settings import Settings

VERSION = 1

logger = structlog.get_logger()


class Checkpoint(msgspec.Struct, frozen=True):
    """
    All records of a partition before an offset, folded.

    Attributes:
        next_offset: The first record the fold has not seen.
        fold: The fold's state.
        topic_id: Kafka's id of the topic that was folded; None if it has none.
        v: The version of this format.
    """

    next_offset: int
    fold: State
    topic_id: UUID | None = None
    v: int = VERSION


_decoder = msgspec.json.Decoder(Checkpoint)


def saved(settings: Settings, partition: int, checkpoint: Checkpoint) -> Outgoing:
    """Return the record that makes *checkpoint* the place to resume the partition from."""
    key = f"{_prefix(settings)}{partition}".encode()
    return Outgoing(settings.topic_checkpoints, key, msgspec.json.encode(checkpoint))


def load(settings: Settings) -> dict[int, Checkpoint]:
    """
    Return the last checkpoint of each partition that has one; one that is unreadable is reported.

    Raises:
        Unavailable: The broker is away.
        Misconfigured: The topic is missing.
    """
    prefix = _prefix(settings)
    # Uncommitted: our records are in no transaction, and the producer's, open or left open by a
    # crash, must not hide them. Its own records are none of ours.
    latest = latest_by_key(
        settings, settings.topic_checkpoints, prefix=prefix.encode(), committed_only=False
    )
    found = {}
    for key, value in latest.items():
        checkpoint = _decoded(key, value)
        if checkpoint is not None:
            found[int(key.removeprefix(prefix.encode()))] = checkpoint
    return found


def _decoded(key: bytes, value: bytes) -> Checkpoint | None:
    wrong: dict[str, Any]
    try:
        checkpoint = _decoder.decode(value)
        if checkpoint.v == VERSION:
            return checkpoint
        wrong = {"error": f"expected version {VERSION}, found {checkpoint.v}"}
    except msgspec.MsgspecError as e:
        wrong = {"error": str(e)}
    logger.error("checkpoint.unreadable", key=key.decode(), doing="starting over", **wrong)
    return None


def _prefix(settings: Settings) -> str:
    return f"consumer/{settings.consumer_group}/{settings.topic_market}/"
