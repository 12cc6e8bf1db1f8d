"""Write line protocol to InfluxDB 2. When a write returns, its points are stored and queryable."""

from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.domain.write_precision import WritePrecision
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from include.errors import BadRecord, Misconfigured, Unavailable
from include.influxdb.connection import check_tls, open_client, to_unavailable
from include.settings import Settings

BAD_POINT_STATUSES = (400, 413, 422)
MISCONFIGURED_STATUSES = {
    401: "the token is not valid here",
    403: "the token may not write to the bucket",
    404: "the bucket or the organization does not exist",
}


class InfluxDB:
    """
    Writes to the bucket of `settings`. It does not retry. The caller decides what to write again.

    influxdb-client's batching mode loses points when its retries end. Its synchronous mode always
    raises the error.
    """

    def __init__(self, settings: Settings) -> None:
        """
        Prepare the client, which connects with the first write.

        Raises:
            Misconfigured: The file of the token or of the authorities cannot be used.
        """
        self._settings = settings
        self._client = open_client(
            settings, "PIPELINE_INFLUX_TOKEN_FILE", settings.influx_token_file
        )
        self._write_api = self._client.write_api(write_options=SYNCHRONOUS)

    def write(self, lines: bytes) -> None:
        """
        Store *lines*, whose times are in ms. To write the same lines again changes nothing.

        Raises:
            Unavailable: InfluxDB is unreachable or overloaded. Write the same lines again, after
                `retry_after_s` if it is set.
            BadRecord: InfluxDB rejects a line. The other lines may or may not be stored.
            Misconfigured: The token, bucket, or organization is wrong, or TLS differs.
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
            check_tls(self._settings, e)
            raise self._translate_error(e) from e
        except (HTTPError, OSError) as e:
            raise to_unavailable(self._settings, e) from e

    def close(self) -> None:
        """Close the connections."""
        self._client.close()  # type: ignore[no-untyped-call]  # the client has no types here

    def _translate_error(self, e: ApiException) -> BadRecord | Misconfigured | Unavailable:
        influxdb = f"InfluxDB at {self._settings.influx_url}"
        if e.status in MISCONFIGURED_STATUSES:
            return Misconfigured(
                f"{influxdb} answered {e.status}: {MISCONFIGURED_STATUSES[e.status]}; check "
                f"PIPELINE_INFLUX_TOKEN_FILE ({self._settings.influx_token_file}), "
                f"PIPELINE_INFLUX_ORG and PIPELINE_INFLUX_BUCKET"
            )
        reason = str(getattr(e, "message", None) or e.reason or "")[:200]
        if e.status in BAD_POINT_STATUSES:
            return BadRecord(f"{influxdb} answered {e.status}: {reason}")
        retry_after = str(e.headers.get("Retry-After", "")) if e.headers is not None else ""
        return Unavailable(
            f"{influxdb} answered {e.status}: {reason}",
            retry_after_s=float(retry_after) if retry_after.isdigit() else None,
            dependency="influxdb",
        )
