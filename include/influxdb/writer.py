"""Write line protocol to InfluxDB 2, synchronously: returned means stored and queryable."""

from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.domain.write_precision import WritePrecision
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from include.errors import BadRecord, Misconfigured, Unavailable
from include.influxdb.connection import client, no_answer, require_tls_agreed
from include.settings import Settings

REFUSED_POINTS = {400, 413, 422}
REFUSED_US = {
    401: "the token is not valid here",
    403: "the token may not write to the bucket",
    404: "the bucket or the organization does not exist",
}


class InfluxDB:
    """
    The bucket of `settings`. No retries in here: the caller knows what may be written again.

    influxdb-client's batching mode loses what it gives up on; its synchronous mode never hides it.
    """

    def __init__(self, settings: Settings) -> None:
        """
        Prepare; nothing is sent before `write`.

        Raises:
            Misconfigured: The token's file or the authorities' cannot be used.
        """
        self._settings = settings
        self._client = client(settings, "PIPELINE_INFLUX_TOKEN_FILE", settings.influx_token_file)
        self._write_api = self._client.write_api(write_options=SYNCHRONOUS)

    def write(self, lines: bytes) -> None:
        """
        Store *lines* (times in ms); the same lines again change nothing.

        Raises:
            Unavailable: Away, or busy: write the same lines again, after retry_after_s if given.
            BadRecord: A line is refused; the others may or may not be stored.
            Misconfigured: The token, bucket or organization is wrong, or TLS does not come about.
        """
        if not lines:
            return
        try:
            self._write_api.write(
                self._settings.influx_bucket,
                record=lines,
                write_precision=WritePrecision.MS,  # type: ignore[arg-type]  # a class of strings
            )
        except ApiException as e:
            require_tls_agreed(self._settings, e)
            raise self._named(e) from e
        except (HTTPError, OSError) as e:
            raise no_answer(self._settings, e) from e

    def close(self) -> None:
        """Close the connections."""
        self._client.close()  # type: ignore[no-untyped-call]

    def _named(self, e: ApiException) -> BadRecord | Misconfigured | Unavailable:
        reason = str(getattr(e, "message", None) or e.reason or "")[:200]
        if e.status in REFUSED_US:
            return Misconfigured(
                f"{self._where()} answered {e.status}: {REFUSED_US[e.status]}; check "
                f"PIPELINE_INFLUX_TOKEN_FILE ({self._settings.influx_token_file}), "
                f"PIPELINE_INFLUX_ORG and PIPELINE_INFLUX_BUCKET"
            )
        if e.status in REFUSED_POINTS:
            return BadRecord(f"{self._where()} answered {e.status}: {reason}")
        after = str(e.headers.get("Retry-After", "")) if e.headers is not None else ""
        return Unavailable(
            f"{self._where()} answered {e.status}: {reason}",
            retry_after_s=float(after) if after.isdigit() else None,
            dependency="influxdb",
        )

    def _where(self) -> str:
        return f"InfluxDB at {self._settings.influx_url}"
