"""What every Kafka client here shares: its settings, and its errors named by duty."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kafka.errors import (
    IllegalArgumentError,
    KafkaConfigurationError,
    KafkaError,
    KafkaTimeoutError,
    TopicAuthorizationFailedError,
)

from include.errors import Misconfigured, Unavailable
from include.settings import Settings

BOOTSTRAP_TIMEOUT_MS = 5_000
REQUEST_TIMEOUT_MS = 15_000


def client_options(settings: Settings) -> dict[str, Any]:
    """Return the options common to producers, consumers and the admin client."""
    return {
        "bootstrap_servers": settings.kafka_bootstrap,
        "bootstrap_timeout_ms": BOOTSTRAP_TIMEOUT_MS,
        "request_timeout_ms": REQUEST_TIMEOUT_MS,
        "reconnect_backoff_max_ms": 2_000,
    }


@contextmanager
def kafka_errors(settings: Settings, doing: str) -> Iterator[None]:
    """
    Turn kafka-python's errors into ours.

    Raises:
        Unavailable: The broker is away, or refused for now: retry, or exit and resume.
        Misconfigured: It refuses us for good.
    """
    try:
        yield
    except TopicAuthorizationFailedError as e:
        raise Misconfigured(f"Kafka at {settings.kafka_bootstrap} forbids {doing}: {e}") from e
    except (KafkaConfigurationError, IllegalArgumentError):  # ours, not the broker's
        raise
    except (KafkaTimeoutError, TimeoutError) as e:
        text = f"Kafka at {settings.kafka_bootstrap}: no answer while {doing}"
        raise Unavailable(text, dependency="kafka") from e
    except (KafkaError, OSError) as e:
        why = str(e) or type(e).__name__
        text = f"Kafka at {settings.kafka_bootstrap}: {doing} failed: {why}"
        raise Unavailable(text, dependency="kafka") from e
