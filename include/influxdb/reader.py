"""Query InfluxDB 2 with the statements of `flux/`; values are bound as parameters."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from include.errors import Misconfigured, Unavailable
from include.influxdb.connection import check_tls, open_client, to_unavailable
from include.influxdb.queries import flux_text
from include.settings import Settings

type Value = str | datetime | timedelta
type Row = dict[str, Any]


class Reader:
    """Reads the bucket of `settings`. Safe to use from many threads."""

    def __init__(self, settings: Settings) -> None:
        """
        Prepare the client, which connects with the first query.

        Raises:
            Misconfigured: The file of the token or of the authorities cannot be used.
        """
        self._settings = settings
        self._client = open_client(
            settings, "PIPELINE_INFLUX_READER_TOKEN_FILE", settings.influx_reader_token_file
        )

    def rows(
        self, name: str, values: Mapping[str, Value], *, fields: Sequence[str] = ()
    ) -> list[Row]:
        """
        Return the rows of a query of `flux/`, each a mapping by column.

        Args:
            name: File and statement, such as `live.markets`.
            values: Values of the names that the query leaves open, except `bucket`. They are bound
                as parameters and never become part of the query's text.
            fields: Fields to select in place of `@fields`.

        Raises:
            Unavailable: InfluxDB is unreachable or overloaded.
            Misconfigured: InfluxDB rejects the token, has no such bucket, or differs in TLS.
        """
        bound = {"bucket": self._settings.influx_bucket, **values}
        try:
            tables = self._client.query_api().query(
                flux_text(name, fields=fields), params=cast(dict[str, object], bound)
            )
        except ApiException as e:
            check_tls(self._settings, e)
            answer = f"InfluxDB at {self._settings.influx_url} answered {e.status}"
            if e.status in (401, 403, 404):
                raise Misconfigured(
                    f"{answer}: check PIPELINE_INFLUX_READER_TOKEN_FILE "
                    f"({self._settings.influx_reader_token_file}) and PIPELINE_INFLUX_BUCKET"
                ) from e
            raise Unavailable(f"{answer}: {str(e.message or e.reason or '')[:200]}") from e
        except (HTTPError, OSError) as e:
            raise to_unavailable(self._settings, e) from e
        return [record.values for table in tables for record in table.records]

    def close(self) -> None:
        """Close the connections."""
        self._client.close()  # type: ignore[no-untyped-call]  # the client has no types here
