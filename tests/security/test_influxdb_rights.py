"""What each token of InfluxDB may not do, tried over its API."""

from collections.abc import Iterator

import httpx
import pytest

from include.settings import Settings
from local.provision.influxdb import InfluxAdmin

POINT = "crypto_prices,exchange=binance,symbol=BTC/USDT close=1.5 1700000000123"
REFUSED = (401, 403, 404)  # 404: as if there were no such thing


@pytest.fixture
def another_bucket(influx_admin: InfluxAdmin, settings: Settings) -> Iterator[str]:
    """Give the name of a bucket that none of the tokens is for."""
    name = f"{settings.influx_bucket}-another"
    bucket = influx_admin.create_bucket(name)
    yield name
    influx_admin.delete_bucket(bucket)


@pytest.fixture
def api(settings: Settings) -> Iterator[dict[str, httpx.Client]]:
    """Give a client for each token, and one without."""
    files = {
        "writer": settings.influx_token_file,
        "reader": settings.influx_reader_token_file,
        "keeper": settings.influx_keeper_token_file,
    }
    tokens = {role: {"Authorization": f"Token {f.read_text()}"} for role, f in files.items()}
    clients = {
        role: httpx.Client(base_url=f"{settings.influx_url}/api/v2/", headers=headers, timeout=30)
        for role, headers in (tokens | {"nobody": {}}).items()
    }
    yield clients
    for client in clients.values():
        client.close()


def write(client: httpx.Client, settings: Settings, bucket: str) -> int:
    where = {"org": settings.influx_org, "bucket": bucket, "precision": "ms"}
    return client.post("write", params=where, content=POINT).status_code


def query(client: httpx.Client, settings: Settings, bucket: str) -> httpx.Response:
    flux = f'from(bucket: "{bucket}") |> range(start: 0)'
    where = {"org": settings.influx_org}
    return client.post("query", params=where, json={"query": flux, "type": "flux"})


def everything_but_data(client: httpx.Client, settings: Settings, admin: InfluxAdmin) -> list[int]:
    """Try what belongs to the administrator; return the answers."""
    bucket = admin.bucket_id(settings.influx_bucket)
    organization = client.get("orgs").json().get("orgs", [{}])
    owned = {"orgID": organization[0].get("id", "0" * 16) if organization else "0" * 16}
    all_rights = [{"action": "write", "resource": {"type": "buckets"}}]
    return [
        client.post("buckets", json={**owned, "name": "mine"}).status_code,
        client.post("authorizations", json={**owned, "permissions": all_rights}).status_code,
        client.post("users", json={"name": "me"}).status_code,
        client.post("tasks", json={**owned, "flux": "option task = {name: 'x'}"}).status_code,
        client.post("dbrps", json={**owned, "bucketID": bucket, "database": "x"}).status_code,
        client.get("backup/metadata").status_code,
    ]


def test_the_reader_writes_and_deletes_nothing(api, settings, influx_admin):
    reader, name = api["reader"], settings.influx_bucket
    bucket = influx_admin.bucket_id(name)
    all_time = {"start": "1970-01-01T00:00:00Z", "stop": "2100-01-01T00:00:00Z"}
    where = {"org": settings.influx_org, "bucket": name}

    assert query(reader, settings, name).status_code == 200
    assert write(reader, settings, name) in REFUSED
    assert reader.post("delete", params=where, json=all_time).status_code in REFUSED
    assert reader.delete(f"buckets/{bucket}").status_code in REFUSED
    assert reader.patch(f"buckets/{bucket}", json={"name": "mine"}).status_code in REFUSED


def test_the_writer_reads_nothing(api, settings):
    assert write(api["writer"], settings, settings.influx_bucket) == 204
    assert query(api["writer"], settings, settings.influx_bucket).status_code in REFUSED
    assert query(api["reader"], settings, settings.influx_bucket).text.count("BTC/USDT") == 1


def test_to_write_is_to_delete_in_one_bucket(influx_admin, settings, another_bucket):
    """InfluxDB knows no right between the two: the limit the README names is still there."""
    bucket = influx_admin.bucket_id(another_bucket)
    token = influx_admin.create_token(bucket, ["write"], "to be tried")
    headers = {"Authorization": f"Token {token}"}
    all_time = {"start": "1970-01-01T00:00:00Z", "stop": "2100-01-01T00:00:00Z"}
    where = {"org": settings.influx_org, "bucket": another_bucket}

    answer = httpx.post(
        f"{settings.influx_url}/api/v2/delete", params=where, json=all_time, headers=headers
    )

    assert answer.status_code == 204


@pytest.mark.parametrize("role", ["writer", "reader", "keeper", "nobody"])
def test_no_token_is_for_another_bucket(api, settings, another_bucket, role):
    assert write(api[role], settings, another_bucket) in REFUSED
    assert query(api[role], settings, another_bucket).status_code in REFUSED


@pytest.mark.parametrize("role", ["writer", "reader", "keeper", "nobody"])
def test_no_token_makes_buckets_tokens_or_users(api, settings, influx_admin, role):
    answers = everything_but_data(api[role], settings, influx_admin)

    assert set(answers) <= {*REFUSED, 400, 422}, answers
    buckets = api[role].get("buckets").json().get("buckets", [])
    assert {b["name"] for b in buckets} <= {settings.influx_bucket}


def test_nobody_is_told_anything(api, settings):
    assert write(api["nobody"], settings, settings.influx_bucket) == 401
    assert query(api["nobody"], settings, settings.influx_bucket).status_code == 401
    assert api["nobody"].get("authorizations").status_code == 401
