"""How far the consumer is from the end of `crypto.market`; asking also tells how Kafka is."""

from include.broker.log_reader import LogReader
from include.errors import PipelineError
from include.settings import Settings
from include.streaming.health.consumer import ConsumerHealth
from include.streaming.health.deliveries import KAFKA


class Lag:
    """Asks Kafka over a connection of its own: a consumer's poll hides that Kafka is away."""

    def __init__(self, settings: Settings, health: ConsumerHealth) -> None:
        self._settings = settings
        self._health = health
        self._reader: LogReader | None = None

    def turn(self) -> None:
        """Ask once."""
        try:
            topic = self._settings.topic_market
            self._reader = self._reader or LogReader(self._settings, topic)
            self._health.ends(self._reader.ends())
        except PipelineError as e:
            self._health.conditions.failed(KAFKA, str(e))
            self.close()
            return
        self._health.conditions.met(KAFKA)

    def close(self) -> None:
        """Leave."""
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()
