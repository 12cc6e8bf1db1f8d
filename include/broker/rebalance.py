"""What happens to a group member's partitions while it polls."""

from collections.abc import Iterable
from typing import Protocol

from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition


class Owner(Protocol):
    """
    Who keeps something for the partitions it owns.

    Called inside the member's `poll` and `close`, on Kafka's thread, while their caller waits: be
    quick, raise nothing, and use no method of the member.
    """

    def on_revoked(self, partitions: Iterable[int]) -> None:
        """Save what is not saved, and forget it: nobody else owns them before this returns."""

    def on_lost(self, partitions: Iterable[int]) -> None:
        """Forget it unsaved: somebody else may own them already."""


class Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka ships no types
    """
    Hold new partitions until they are started; tell the owner what it loses.

    Attributes:
        waiting: Assigned, not yet started.
    """

    def __init__(self, consumer: KafkaConsumer, owner: Owner) -> None:
        self._consumer = consumer
        self._owner = owner
        self.waiting: set[TopicPartition] = set()

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        for tp in assigned:
            # Any offset, so that none is asked for; nothing is fetched while it is paused.
            self._consumer.seek(tp, 0)
            self._consumer.pause(tp)
        self.waiting |= assigned

    def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        self.waiting -= revoked
        self._owner.on_revoked({tp.partition for tp in revoked})

    def on_partitions_lost(self, lost: set[TopicPartition]) -> None:
        self.waiting -= lost
        self._owner.on_lost({tp.partition for tp in lost})
