"""
Connect to Kafka: the options of every client, the translation of errors, and a diagnosis.

While a connection fails, kafka-python retries until its time-out, and only logs the reason.
`diagnose` therefore opens a connection of its own and performs the TLS and SASL handshakes.
"""

import socket
import ssl
import struct
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
from kafka.net.sasl import get_sasl_mechanism

from include.errors import Misconfigured, Unavailable
from include.security import create_tls_context, read_secret
from include.settings import Settings

BOOTSTRAP_TIMEOUT_MS = 5_000
REQUEST_TIMEOUT_MS = 15_000
DIAGNOSIS_TIMEOUT_S = 2.0
AUTH_ERRORS = (SaslAuthenticationFailedError, UnsupportedSaslMechanismError, IllegalSaslStateError)
# API key and version, https://kafka.apache.org/protocol
SASL_HANDSHAKE, SASL_AUTHENTICATE = (17, 1), (36, 0)
MAX_RESPONSE_BYTES = 65_536


def client_options(settings: Settings) -> dict[str, Any]:
    """
    Return the options common to producers, consumers, and the admin client.

    Raises:
        Misconfigured: The file of the password or of the authorities cannot be used.
    """
    return {
        **_security_options(settings),
        "bootstrap_servers": settings.kafka_bootstrap,
        "bootstrap_timeout_ms": BOOTSTRAP_TIMEOUT_MS,
        "request_timeout_ms": REQUEST_TIMEOUT_MS,
        "reconnect_backoff_max_ms": 2_000,
    }


def _security_options(settings: Settings) -> dict[str, Any]:
    options: dict[str, Any] = {"security_protocol": settings.kafka_security_protocol}
    if settings.kafka_security_protocol.endswith("SSL"):
        options["ssl_context"] = create_tls_context(
            "PIPELINE_KAFKA_CA_FILE", settings.kafka_ca_file
        )
    if settings.kafka_security_protocol.startswith("SASL_"):
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        options["sasl_plain_username"] = settings.kafka_sasl_username
        options["sasl_plain_password"] = read_secret(
            "PIPELINE_KAFKA_SASL_PASSWORD_FILE", settings.kafka_sasl_password_file
        )
    return options


@contextmanager
def translate_errors(settings: Settings, action: str) -> Iterator[None]:
    """
    Translate kafka-python's errors in this context to those of `include.errors`.

    Args:
        settings: The broker's address, for the message.
        action: What is done in the context, for the message.

    Raises:
        Unavailable: Kafka is unreachable, or rejects the request for now.
        Misconfigured: Kafka rejects the request until the configuration changes.
    """
    kafka = f"Kafka at {settings.kafka_bootstrap}"
    try:
        yield
    except AuthorizationError as e:
        raise Misconfigured(
            f"{kafka} does not permit {action}: {e}; grant it to the user of "
            "PIPELINE_KAFKA_SASL_USERNAME"
        ) from e
    except AUTH_ERRORS as e:
        _raise_if_misconfigured(settings)
        text = f"{kafka}: {action} failed: {_to_one_line(e)}"
        raise Unavailable(text, dependency="kafka") from e
    except (KafkaConfigurationError, IllegalArgumentError):  # a defect of this project
        raise
    except (KafkaTimeoutError, TimeoutError) as e:
        if "bootstrap" in str(e):
            _raise_if_misconfigured(settings)
        raise Unavailable(f"{kafka}: no answer while {action}", dependency="kafka") from e
    except (KafkaError, OSError) as e:
        why = str(e) or type(e).__name__
        raise Unavailable(f"{kafka}: {action} failed: {why}", dependency="kafka") from e


def get_topic_id(consumer: KafkaConsumer, topic: str) -> UUID | None:
    """
    Return Kafka's id of *topic*, which changes if the topic is recreated; None if it has none.

    Reads the cached cluster metadata. The public call would open a second connection.

    Args:
        consumer: A consumer that has the topic's metadata.
        topic: Name of the topic.
    """
    found = consumer._cluster.topic_id(topic)
    return found if isinstance(found, UUID) and found.int else None


def diagnose(settings: Settings) -> str | None:
    """
    Diagnose a connection that cannot succeed without a configuration change.

    Returns:
        The cause, and what to change. None if the cause is not authentication or TLS.
    """
    options = _security_options(settings)
    context: ssl.SSLContext | None = options.get("ssl_context")
    try:
        with _open_socket(settings, context or _context_without_checks()) as connection:
            if context is None:
                return (
                    "it speaks TLS; expected PIPELINE_KAFKA_SECURITY_PROTOCOL SSL or SASL_SSL, "
                    f"found {settings.kafka_security_protocol}"
                )
            return _diagnose_sasl(connection, settings, options)
    except ssl.SSLCertVerificationError as e:
        return (
            f"its certificate is rejected: {e.verify_message}; expected one for this name, by an "
            f"authority in PIPELINE_KAFKA_CA_FILE ({settings.kafka_ca_file or 'the system has'})"
        )
    except (OSError, ValueError, struct.error):
        pass
    if context is not None:
        return None
    try:
        with _open_socket(settings, None) as connection:
            return _diagnose_sasl(connection, settings, options)
    except (OSError, ValueError, struct.error):
        return None


def _open_socket(settings: Settings, context: ssl.SSLContext | None) -> socket.socket:
    host, _, port = settings.kafka_bootstrap.split(",")[0].rpartition(":")
    host = host.strip("[] ")
    plain = socket.create_connection((host, int(port)), DIAGNOSIS_TIMEOUT_S)
    if context is None:
        return plain
    try:
        return context.wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise


def _diagnose_sasl(
    connection: socket.socket, settings: Settings, options: dict[str, Any]
) -> str | None:
    """Log in by SASL, if it is configured; return the cause of a failure, else None."""
    if not settings.kafka_security_protocol.startswith("SASL_"):
        return None
    name = settings.kafka_sasl_mechanism
    error, rest = _request(connection, SASL_HANDSHAKE, _encode_text(name))
    if error == UnsupportedSaslMechanismError.errno:
        return (
            f"it does not support {name}: set PIPELINE_KAFKA_SASL_MECHANISM to a mechanism of the "
            "broker"
        )
    mechanism = get_sasl_mechanism(name)(**options)
    while not mechanism.is_done():
        token = mechanism.auth_bytes()
        body = struct.pack(">i", len(token)) + token
        error, rest = _request(connection, SASL_AUTHENTICATE, body)
        if error == SaslAuthenticationFailedError.errno:
            return (
                f"it rejects the login of {settings.kafka_sasl_username or 'an empty user'}: check "
                "PIPELINE_KAFKA_SASL_USERNAME, PIPELINE_KAFKA_SASL_MECHANISM and "
                f"PIPELINE_KAFKA_SASL_PASSWORD_FILE ({settings.kafka_sasl_password_file})"
            )
        (message_length,) = struct.unpack_from(">h", rest)
        rest = rest[2 + max(message_length, 0) :]  # the error's message comes before the token
        mechanism.receive(rest[4:])
    return None


def _request(connection: socket.socket, api: tuple[int, int], body: bytes) -> tuple[int, bytes]:
    """Send a request; return the error code of the response, and the bytes after it."""
    message = struct.pack(">hhi", *api, 0) + _encode_text("crypto-kpi") + body
    connection.sendall(struct.pack(">i", len(message)) + message)
    (size,) = struct.unpack(">i", _receive(connection, 4))
    response = _receive(connection, min(size, MAX_RESPONSE_BYTES))
    return struct.unpack_from(">h", response, 4)[0], response[6:]


def _receive(connection: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        part = connection.recv(size - len(found))
        if not part:
            raise ConnectionResetError("the connection was closed before the response")
        found += part
    return found


def _encode_text(value: str) -> bytes:
    return struct.pack(">h", len(value.encode())) + value.encode()


def _context_without_checks() -> ssl.SSLContext:
    """Return a context that accepts any certificate; used only to detect TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _raise_if_misconfigured(settings: Settings) -> None:
    if why := diagnose(settings):
        raise Misconfigured(f"Kafka at {settings.kafka_bootstrap}: {why}")


def _to_one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
