"""Set and read the retention period of the bucket."""

from collections.abc import Iterator
from contextlib import contextmanager

from influxdb_client.client.bucket_api import BucketsApi
from influxdb_client.domain.bucket import Bucket
from influxdb_client.domain.bucket_retention_rules import BucketRetentionRules
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from include.errors import Misconfigured, Unavailable
from include.influxdb.connection import check_tls, open_client, to_unavailable
from include.settings import Settings

DAY_S = 86_400


def set_retention(settings: Settings) -> bool:
    """
    Set the bucket's retention period to `keep_influx_days` days; 0 keeps points for ever.

    Returns:
        Whether the period changed.

    Raises:
        Unavailable: InfluxDB is unreachable.
        Misconfigured: InfluxDB rejects the token, has no such bucket, or differs in TLS.
    """
    period_s = settings.keep_influx_days * DAY_S
    with _open_bucket(settings) as (buckets, bucket):
        if _period_s(bucket) == period_s:
            return False
        # The client has no types here.
        rule = BucketRetentionRules(type="expire", every_seconds=period_s)  # type: ignore[no-untyped-call]
        bucket.retention_rules = [rule]
        buckets.update_bucket(bucket)
    return True


def get_retention_s(settings: Settings) -> int:
    """
    Return the bucket's retention period in seconds; 0 keeps points for ever.

    Raises:
        Unavailable: InfluxDB is unreachable.
        Misconfigured: InfluxDB rejects the token, has no such bucket, or differs in TLS.
    """
    with _open_bucket(settings) as (_, bucket):
        return _period_s(bucket)


def _period_s(bucket: Bucket) -> int:
    return sum(int(rule.every_seconds) for rule in bucket.retention_rules)


@contextmanager
def _open_bucket(settings: Settings) -> Iterator[tuple[BucketsApi, Bucket]]:
    variable, file = "PIPELINE_INFLUX_KEEPER_TOKEN_FILE", settings.influx_keeper_token_file
    influxdb = f"InfluxDB at {settings.influx_url}"
    try:
        with open_client(settings, variable, file) as client:
            buckets = client.buckets_api()
            bucket = buckets.find_bucket_by_name(settings.influx_bucket)
            if bucket is None:
                raise Misconfigured(
                    f"{influxdb}: expected bucket {settings.influx_bucket}, found none that "
                    f"{variable} ({file}) reads"
                )
            yield buckets, bucket
    except ApiException as e:
        check_tls(settings, e)
        if e.status in (401, 403, 404):
            raise Misconfigured(
                f"{influxdb} answered {e.status}: expected a token that reads and writes bucket "
                f"{settings.influx_bucket} in {variable} ({file})"
            ) from e
        raise Unavailable(f"{influxdb} answered {e.status}", dependency="influxdb") from e
    except (HTTPError, OSError) as e:
        raise to_unavailable(settings, e) from e
