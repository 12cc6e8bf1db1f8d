"""Connect to InfluxDB: the client of every reader and writer, and the reasons why it fails."""

import ssl
from pathlib import Path

from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException
from urllib3 import Retry
from urllib3.exceptions import SSLError

from include.errors import Misconfigured, Unavailable
from include.security import create_tls_context, read_secret
from include.settings import Settings

# Go's HTTP server sends this with status 400.
SERVER_REQUIRES_TLS = "HTTP request to an HTTPS server"
SERVER_WITHOUT_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST")


def open_client(settings: Settings, variable: str, token_file: Path) -> InfluxDBClient:
    """
    Return a client, which connects with its first request.

    Args:
        settings: Address, organization, and TLS.
        variable: Name of the setting that has *token_file*, for the error message.
        token_file: File with the token.

    Raises:
        Misconfigured: The file of the token or of the authorities cannot be used.
    """
    return InfluxDBClient(
        url=settings.influx_url,
        token=read_secret(variable, token_file),
        org=settings.influx_org,
        timeout=int(settings.influx_timeout_s * 1000),
        retries=Retry(total=False),
        ssl_context=_tls_context(settings),
    )


def to_unavailable(settings: Settings, e: Exception) -> Unavailable:
    """Return the error to raise for *e*, which the client raised because no answer came."""
    text = f"InfluxDB at {settings.influx_url}: no answer: {type(e).__name__}"
    return Unavailable(text, dependency="influxdb")


def check_tls(settings: Settings, e: ApiException) -> None:
    """
    Return if *e* has another cause than TLS.

    Raises:
        Misconfigured: Client and server do not agree on TLS, so no retry can succeed.
    """
    influxdb = f"InfluxDB at {settings.influx_url}"
    if e.status == 400 and SERVER_REQUIRES_TLS in str(e.body):
        raise Misconfigured(f"{influxdb} speaks TLS: expected https in PIPELINE_INFLUX_URL") from e
    failure = e.__context__  # influxdb-client raises an ApiException of status 0 from it
    if not isinstance(failure, SSLError):
        return
    cause = failure.args[0]
    if isinstance(cause, ssl.SSLCertVerificationError):
        raise Misconfigured(
            f"{influxdb}: its certificate is rejected: {cause.verify_message}; expected one for "
            "this name, by an authority in PIPELINE_INFLUX_CA_FILE "
            f"({settings.influx_ca_file or 'the system has'})"
        ) from e
    if any(words in str(cause) for words in SERVER_WITHOUT_TLS):
        raise Misconfigured(
            f"{influxdb} speaks no TLS: expected http in PIPELINE_INFLUX_URL"
        ) from e


def _tls_context(settings: Settings) -> ssl.SSLContext | None:
    if not settings.influx_url.startswith("https:"):
        return None
    return create_tls_context("PIPELINE_INFLUX_CA_FILE", settings.influx_ca_file)
