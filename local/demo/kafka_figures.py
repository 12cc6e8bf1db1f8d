"""How much Kafka holds of a line, and how far its readers are behind."""

from collections.abc import Mapping
from dataclasses import dataclass

from kafka import KafkaAdminClient

from include.broker.connection import client_options, translate_errors
from include.broker.log_reader import LogReader
from include.settings import Settings


@dataclass(frozen=True, slots=True)
class Offsets:
    """
    Where `crypto.market` begins and ends, and where the consumer group stands.

    All by partition; ends are exclusive.
    """

    beginnings: Mapping[int, int]
    ends: Mapping[int, int]
    committed: Mapping[int, int]

    @property
    def records(self) -> int:
        """Offsets the topic holds, transaction markers included."""
        return sum(end - self.beginnings[p] for p, end in self.ends.items())

    @property
    def consumer_lag(self) -> int:
        """Offsets the consumer group has still to commit."""
        return self.lag_of(self.committed)

    def lag_of(self, next_offsets: Mapping[int, int]) -> int:
        """Return the offsets a reader at *next_offsets* has still to read."""
        return sum(
            max(0, end - max(next_offsets.get(p, 0), self.beginnings[p]))
            for p, end in self.ends.items()
        )


class KafkaFigures:
    """Questions about one line's `crypto.market`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._reader = LogReader(settings, settings.topic_market)
        with translate_errors(settings, "asking for offsets"):
            self._admin = KafkaAdminClient(**client_options(settings))

    def offsets(self) -> Offsets:
        """
        Return where the topic and the consumer group stand.

        Raises:
            Unavailable: Kafka does not answer.
        """
        with translate_errors(self._settings, "asking for offsets"):
            group = self._settings.consumer_group
            committed = self._admin.list_group_offsets(group)
        return Offsets(
            self._reader.beginnings(),
            self._reader.ends(),
            {
                tp.partition: found.offset
                for tp, found in committed.get(group, {}).items()
                if tp.topic == self._settings.topic_market
            },
        )

    def close(self) -> None:
        """Close the connections."""
        self._reader.close()
        self._admin.close()
