"""
Why Kafka lets us in nowhere: asked on one connection of our own.

kafka-python tries again until its time is up, and tells what the broker said to its log alone.
"""

import socket
import ssl
import struct
from typing import Any

from kafka.errors import SaslAuthenticationFailedError, UnsupportedSaslMechanismError
from kafka.net.sasl import get_sasl_mechanism

from include.broker.security import security_options
from include.settings import Settings

TIMEOUT_S = 2.0
# https://kafka.apache.org/protocol: api key, version
HANDSHAKE, AUTHENTICATE = (17, 1), (36, 0)
UNKNOWN_MECHANISM, NOT_AUTHENTICATED = (
    UnsupportedSaslMechanismError.errno,
    SaslAuthenticationFailedError.errno,
)


def refusal(settings: Settings) -> str | None:
    """
    Return why no connection can come about before somebody acts, and what to do.

    None: Kafka is away, or not ready, or it is nothing of security.
    """
    options = security_options(settings)
    context: ssl.SSLContext | None = options.get("ssl_context")
    try:
        with _connected(settings, context or _indifferent()) as connection:
            if context is None:
                return (
                    "it speaks TLS; expected PIPELINE_KAFKA_SECURITY_PROTOCOL SSL or SASL_SSL, "
                    f"found {settings.kafka_security_protocol}"
                )
            return _not_let_in(connection, settings, options)
    except ssl.SSLCertVerificationError as e:
        return (
            f"its certificate is refused: {e.verify_message}; expected one for this name, by an "
            f"authority in PIPELINE_KAFKA_CA_FILE ({settings.kafka_ca_file or 'the system has'})"
        )
    except (OSError, ValueError, struct.error):
        pass
    if context is not None:
        return None
    try:
        with _connected(settings, None) as connection:
            return _not_let_in(connection, settings, options)
    except (OSError, ValueError, struct.error):
        return None


def _connected(settings: Settings, context: ssl.SSLContext | None) -> socket.socket:
    host, _, port = settings.kafka_bootstrap.split(",")[0].rpartition(":")
    host = host.strip("[] ")
    bare = socket.create_connection((host, int(port)), TIMEOUT_S)
    if context is None:
        return bare
    try:
        return context.wrap_socket(bare, server_hostname=host)
    except BaseException:
        bare.close()
        raise


def _not_let_in(
    connection: socket.socket, settings: Settings, options: dict[str, Any]
) -> str | None:
    """Log in by SASL, if that is asked for; return the refusal, None if there is none."""
    if not settings.kafka_security_protocol.startswith("SASL_"):
        return None
    wanted = settings.kafka_sasl_mechanism
    error, rest = _call(connection, HANDSHAKE, _text(wanted))
    if error == UNKNOWN_MECHANISM:
        return f"it does not know {wanted}; expected PIPELINE_KAFKA_SASL_MECHANISM to be its own"
    mechanism = get_sasl_mechanism(wanted)(**options)
    while not mechanism.is_done():
        token = mechanism.auth_bytes()
        error, rest = _call(connection, AUTHENTICATE, struct.pack(">i", len(token)) + token)
        if error == NOT_AUTHENTICATED:
            return (
                f"it does not let in {settings.kafka_sasl_username or 'nobody'}: check "
                "PIPELINE_KAFKA_SASL_USERNAME, PIPELINE_KAFKA_SASL_MECHANISM and "
                f"PIPELINE_KAFKA_SASL_PASSWORD_FILE ({settings.kafka_sasl_password_file})"
            )
        (said,) = struct.unpack_from(">h", rest)
        rest = rest[2 + max(said, 0) :]  # an error's text comes before the token
        mechanism.receive(rest[4:])
    return None


def _call(connection: socket.socket, api: tuple[int, int], body: bytes) -> tuple[int, bytes]:
    """Return the answer's error code and the rest of it."""
    message = struct.pack(">hhi", *api, 0) + _text("crypto-kpi") + body
    connection.sendall(struct.pack(">i", len(message)) + message)
    (size,) = struct.unpack(">i", _received(connection, 4))
    answer = _received(connection, min(size, 65_536))
    return struct.unpack_from(">h", answer, 4)[0], answer[6:]


def _received(connection: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        part = connection.recv(size - len(found))
        if not part:
            raise ConnectionResetError("closed before it had answered")
        found += part
    return found


def _text(value: str) -> bytes:
    return struct.pack(">h", len(value.encode())) + value.encode()


def _indifferent() -> ssl.SSLContext:
    """Return what takes any certificate: to see that there is one, for nothing else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
