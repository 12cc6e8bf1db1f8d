"""Each service's health in the background: served, and reported."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from include.settings import Settings
from include.streaming.health.background import repeating
from include.streaming.health.consumer import ConsumerHealth
from include.streaming.health.deliveries import ToInfluxDB, ToKafka
from include.streaming.health.endpoint import serving
from include.streaming.health.lag import Lag
from include.streaming.health.producer import ProducerHealth
from include.streaming.health.relay import Relay
from include.streaming.health.reporter import Reporter


@contextmanager
def producer_health(settings: Settings) -> Iterator[ProducerHealth]:
    """
    Yield the producer's health, served over HTTP and reported to `crypto.health`.

    Raises:
        Misconfigured: Its port is taken.
    """
    health = ProducerHealth(settings)
    kafka = ToKafka(settings, health)
    with ExitStack() as stack:
        stack.enter_context(serving(health, settings.health_host, settings.producer_health_port))
        turn = Reporter(health, kafka.deliver).turn
        every_s = settings.health_interval_s
        stack.enter_context(repeating("health-reporter", turn, every_s, kafka.close))
        yield health


@contextmanager
def consumer_health(settings: Settings) -> Iterator[ConsumerHealth]:
    """
    Yield the consumer's health, served over HTTP; it and the producers' go into InfluxDB.

    Raises:
        Misconfigured: Its port is taken, or the token's file cannot be read.
    """
    health = ConsumerHealth(settings)
    own, lag = ToInfluxDB(settings, health), Lag(settings, health)
    relay = Relay(settings, health, ToInfluxDB(settings, health), ToKafka(settings, health))
    with ExitStack() as stack:
        stack.enter_context(serving(health, settings.health_host, settings.consumer_health_port))
        for name, turn, close in (
            ("health-reporter", Reporter(health, own.deliver).turn, own.close),
            ("health-relay", relay.turn, relay.close),
            ("health-lag", lag.turn, lag.close),
        ):
            stack.enter_context(repeating(name, turn, settings.health_interval_s, close))
        yield health
