"""How long InfluxDB's bucket keeps its points."""

from collections.abc import Iterator
from contextlib import contextmanager

from influxdb_client.client.bucket_api import BucketsApi
from influxdb_client.domain.bucket import Bucket
from influxdb_client.domain.bucket_retention_rules import BucketRetentionRules
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from include.errors import Misconfigured, Unavailable
from include.influxdb.connection import client, no_answer, require_tls_agreed
from include.settings import Settings

DAY_S = 86_400


def set_retention(settings: Settings) -> bool:
    """
    Have the bucket keep `keep_influx_days` days, 0 for ever; return whether it kept others before.

    Raises:
        Unavailable: InfluxDB is away.
        Misconfigured: It refuses a token, the bucket is not there, or TLS does not come about.
    """
    seconds = settings.keep_influx_days * DAY_S
    with _bucket(settings) as (buckets, bucket):
        if _seconds(bucket) == seconds:
            return False
        rule = BucketRetentionRules(type="expire", every_seconds=seconds)  # type: ignore[no-untyped-call]
        bucket.retention_rules = [rule]
        buckets.update_bucket(bucket)
    return True


def kept_s(settings: Settings) -> int:
    """
    Return for how long the bucket keeps a point, in seconds; 0 for ever.

    Raises:
        Unavailable: As `set_retention`.
        Misconfigured: As `set_retention`.
    """
    with _bucket(settings) as (_, bucket):
        return _seconds(bucket)


def _seconds(bucket: Bucket) -> int:
    return sum(int(rule.every_seconds) for rule in bucket.retention_rules)


@contextmanager
def _bucket(settings: Settings) -> Iterator[tuple[BucketsApi, Bucket]]:
    variable, file = "PIPELINE_INFLUX_KEEPER_TOKEN_FILE", settings.influx_keeper_token_file
    where = f"InfluxDB at {settings.influx_url}"
    try:
        with client(settings, variable, file) as influxdb:
            buckets = influxdb.buckets_api()
            bucket = buckets.find_bucket_by_name(settings.influx_bucket)
            if bucket is None:
                raise Misconfigured(
                    f"{where}: expected bucket {settings.influx_bucket}, found none that "
                    f"{variable} ({file}) reads"
                )
            yield buckets, bucket
    except ApiException as e:
        require_tls_agreed(settings, e)
        if e.status in (401, 403, 404):
            raise Misconfigured(
                f"{where} answered {e.status}: expected a token that reads and writes bucket "
                f"{settings.influx_bucket} in {variable} ({file})"
            ) from e
        raise Unavailable(f"{where} answered {e.status}", dependency="influxdb") from e
    except (HTTPError, OSError) as e:
        raise no_answer(settings, e) from e
