"""How Kafka's clients prove who they are, and know whom they talk to."""

from typing import Any

from include.secret_file import read_secret
from include.settings import Settings
from include.tls import client_context


def security_options(settings: Settings) -> dict[str, Any]:
    """
    Return kafka-python's options for `settings.kafka_security_protocol`.

    Raises:
        Misconfigured: The password's file or the authorities' cannot be used.
    """
    options: dict[str, Any] = {"security_protocol": settings.kafka_security_protocol}
    if settings.kafka_security_protocol.endswith("SSL"):
        options["ssl_context"] = client_context("PIPELINE_KAFKA_CA_FILE", settings.kafka_ca_file)
    if settings.kafka_security_protocol.startswith("SASL_"):
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        options["sasl_plain_username"] = settings.kafka_sasl_username
        options["sasl_plain_password"] = read_secret(
            "PIPELINE_KAFKA_SASL_PASSWORD_FILE", settings.kafka_sasl_password_file
        )
    return options
