"""What every InfluxDB client here shares: how it connects, and why it could not."""

import ssl
from pathlib import Path

from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException
from urllib3 import Retry
from urllib3.exceptions import SSLError

from include.errors import Misconfigured, Unavailable
from include.secret_file import read_secret
from include.settings import Settings
from include.tls import client_context

SPEAKS_TLS = "HTTP request to an HTTPS server"  # said by Go's server, with a 400
SPEAKS_NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST")


def client(settings: Settings, variable: str, token_file: Path) -> InfluxDBClient:
    """
    Return a client with the token in *token_file*, which *variable* names; nothing is sent yet.

    Raises:
        Misconfigured: A file it needs cannot be used.
    """
    return InfluxDBClient(
        url=settings.influx_url,
        token=read_secret(variable, token_file),
        org=settings.influx_org,
        timeout=int(settings.influx_timeout_s * 1000),
        retries=Retry(total=False),
        ssl_context=_context(settings),
    )


def no_answer(settings: Settings, e: Exception) -> Unavailable:
    """Return what *e*, raised instead of an answer, means for whoever asked."""
    text = f"InfluxDB at {settings.influx_url}: no answer: {type(e).__name__}"
    return Unavailable(text, dependency="influxdb")


def require_tls_agreed(settings: Settings, e: ApiException) -> None:
    """
    Return if *e* is something else than two sides that do not agree on TLS.

    Raises:
        Misconfigured: It is that: no retry, and no other point, can help.
    """
    where = f"InfluxDB at {settings.influx_url}"
    if e.status == 400 and SPEAKS_TLS in str(e.body):
        raise Misconfigured(f"{where} speaks TLS: expected https in PIPELINE_INFLUX_URL") from e
    failure = e.__context__  # influxdb-client puts it into words, under the status 0
    if not isinstance(failure, SSLError):
        return
    cause = failure.args[0]
    if isinstance(cause, ssl.SSLCertVerificationError):
        raise Misconfigured(
            f"{where}: its certificate is refused: {cause.verify_message}; expected one for this "
            "name, by an authority in PIPELINE_INFLUX_CA_FILE "
            f"({settings.influx_ca_file or 'the system has'})"
        ) from e
    if any(words in str(cause) for words in SPEAKS_NO_TLS):
        raise Misconfigured(f"{where} speaks no TLS: expected http in PIPELINE_INFLUX_URL") from e


def _context(settings: Settings) -> ssl.SSLContext | None:
    if not settings.influx_url.startswith("https:"):
        return None
    return client_context("PIPELINE_INFLUX_CA_FILE", settings.influx_ca_file)
