"""Read from InfluxDB 2: a query of `flux/` with its open names bound as parameters."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from include.errors import Misconfigured, Unavailable
from include.influxdb.connection import client, no_answer, require_tls_agreed
from include.influxdb.queries import flux_text
from include.settings import Settings

type Value = str | datetime | timedelta
type Row = dict[str, Any]


class Reader:
    """The bucket of `settings`, with a token that reads. Safe to use from many threads."""

    def __init__(self, settings: Settings) -> None:
        """
        Prepare; nothing is sent before the first query.

        Raises:
            Misconfigured: The token's file or the authorities' cannot be used.
        """
        self._settings = settings
        self._client = client(
            settings, "PIPELINE_INFLUX_READER_TOKEN_FILE", settings.influx_reader_token_file
        )

    def rows(
        self, name: str, values: Mapping[str, Value], *, fields: Sequence[str] = ()
    ) -> list[Row]:
        """
        Return the rows of a query such as `live.markets`, each by column.

        *values* bind the names it leaves open, `bucket` aside: never a part of the query's text.

        Raises:
            Unavailable: InfluxDB is away, or busy.
            Misconfigured: It refuses our token, has no such bucket, or does not agree on TLS.
        """
        bound = {"bucket": self._settings.influx_bucket, **values}
        try:
            tables = self._client.query_api().query(
                flux_text(name, fields=fields), params=cast(dict[str, object], bound)
            )
        except ApiException as e:
            require_tls_agreed(self._settings, e)
            where = f"InfluxDB at {self._settings.influx_url} answered {e.status}"
            if e.status in (401, 403, 404):
                raise Misconfigured(
                    f"{where}: check PIPELINE_INFLUX_READER_TOKEN_FILE "
                    f"({self._settings.influx_reader_token_file}) and PIPELINE_INFLUX_BUCKET"
                ) from e
            raise Unavailable(f"{where}: {str(e.message or e.reason or '')[:200]}") from e
        except (HTTPError, OSError) as e:
            raise no_answer(self._settings, e) from e
        return [record.values for table in tables for record in table.records]

    def close(self) -> None:
        """Close the connections."""
        self._client.close()  # type: ignore[no-untyped-call]
