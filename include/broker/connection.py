"""What every Kafka client here shares: its settings, and its errors named by duty."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from kafka import KafkaConsumer
from kafka.errors import (
    AuthorizationError,
    IllegalArgumentError,
    IllegalSaslStateError,
    KafkaConfigurationError,
    KafkaError,
    KafkaTimeoutError,
    SaslAuthenticationFailedError,
    UnsupportedSaslMechanismError,
)

from include.broker.refusal import refusal
from include.broker.security import security_options
from include.errors import Misconfigured, Unavailable
from include.settings import Settings

BOOTSTRAP_TIMEOUT_MS = 5_000
REQUEST_TIMEOUT_MS = 15_000
NOT_LET_IN = (SaslAuthenticationFailedError, UnsupportedSaslMechanismError, IllegalSaslStateError)


def client_options(settings: Settings) -> dict[str, Any]:
    """
    Return the options common to producers, consumers and the admin client.

    Raises:
        Misconfigured: A file that its security needs cannot be used.
    """
    return {
        **security_options(settings),
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
    except AuthorizationError as e:
        raise Misconfigured(f"Kafka at {settings.kafka_bootstrap} forbids {doing}: {e}") from e
    except NOT_LET_IN as e:
        _require_no_refusal(settings)
        text = f"Kafka at {settings.kafka_bootstrap}: {doing} failed: {_line(e)}"
        raise Unavailable(text, dependency="kafka") from e
    except (KafkaConfigurationError, IllegalArgumentError):  # ours, not the broker's
        raise
    except (KafkaTimeoutError, TimeoutError) as e:
        if "bootstrap" in str(e):
            _require_no_refusal(settings)
        text = f"Kafka at {settings.kafka_bootstrap}: no answer while {doing}"
        raise Unavailable(text, dependency="kafka") from e
    except (KafkaError, OSError) as e:
        why = str(e) or type(e).__name__
        text = f"Kafka at {settings.kafka_bootstrap}: {doing} failed: {why}"
        raise Unavailable(text, dependency="kafka") from e


def topic_id(consumer: KafkaConsumer, topic: str) -> UUID | None:
    """Return Kafka's id of *topic*, another if it is made again; None if it has none."""
    # Of the metadata it has; asking for it in public is another connection.
    found = consumer._cluster.topic_id(topic)
    return found if isinstance(found, UUID) and found.int else None


def _require_no_refusal(settings: Settings) -> None:
    if why := refusal(settings):
        raise Misconfigured(f"Kafka at {settings.kafka_bootstrap}: {why}")


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
