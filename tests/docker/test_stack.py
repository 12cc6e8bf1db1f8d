"""What a user sees of `docker compose --env-file deploy/demo.env up --build --wait`."""

import json
import socket

import psycopg
import pytest

from include.dashboards.alerts import rules
from include.dashboards.datasources import datasources
from include.dashboards.files import dashboards
from local.credentials import basic_authorization
from local.ports import LOOPBACK
from local.provision.postgres import MARKET_READER
from tests.docker.conftest import LABEL, PROJECT, PUBLISHED, Stack, docker, request
from tests.waiting import eventually

DATA_S = 240  # a scheduled run of drain_kafka begins each minute
SERVERS = {"kafka", "postgres", "influxdb", "grafana"}
FIRST_KPI = """
from(bucket: "crypto-data")
  |> range(start: -1h)
  |> filter(fn: (r) => r._measurement == "crypto_prices" and r._field == "price_change_pct")
  |> filter(fn: (r) => r.symbol == "BTC/USDT")
  |> last()
"""

pytestmark = pytest.mark.timeout(2400)  # the first test pulls, builds and starts everything


@pytest.fixture(scope="module")
def airflow(stack: Stack) -> dict[str, str]:
    """The header of a user who has logged in with the documented password."""
    password = json.loads(stack.secret("airflow_passwords.json"))["admin"]
    login = {"username": "admin", "password": password}
    status, answer = request(f"{stack.url('airflow')}/auth/token", body=login)
    assert status == 201, answer
    return {"Authorization": f"Bearer {answer['access_token']}"}


@pytest.fixture(scope="module")
def grafana(stack: Stack):
    """Get a path of Grafana's API as the administrator."""
    login = basic_authorization("admin", stack.secret("grafana_admin_password"))

    def get(path: str):
        status, answer = request(stack.url("grafana") + path, Authorization=login)
        assert status == 200, f"{path}: {answer}"
        return answer

    return get


def test_a_kpi_is_in_influxdb(stack: Stack):
    token = stack.secret("influx_reader_token")

    def found():
        status, text = request(
            f"{stack.url('influxdb')}/api/v2/query?org=crypto",
            body=FIRST_KPI, Authorization=f"Token {token}", Content_Type="application/vnd.flux",
        )  # fmt: skip
        assert status == 200, text
        return "price_change_pct" in text

    eventually(found, "a KPI in InfluxDB", timeout_s=DATA_S, pause_s=1)


def test_a_scheduled_drain_has_filled_postgresql(stack: Stack, airflow):
    def finished():
        status, answer = request(
            f"{stack.url('airflow')}/api/v2/dags/drain_kafka/dagRuns?state=success"
            "&run_type=scheduled",
            **airflow,
        )
        assert status == 200, answer
        return answer["total_entries"]

    eventually(finished, "a scheduled run of drain_kafka", timeout_s=DATA_S, pause_s=2)
    with psycopg.connect(
        host=LOOPBACK, port=stack.ports.postgres, dbname="market", user=MARKET_READER,
        password=stack.secret("market_reader_password"),
    ) as connection:  # fmt: skip
        counts = connection.execute(
            "SELECT (SELECT count(*) FROM crypto_prices), (SELECT count(*) FROM trades),"
            " (SELECT count(*) FROM candles)"
        ).fetchone()
    assert counts is not None
    assert min(counts) > 0, counts


def test_every_dag_is_there_without_an_import_error(stack: Stack, airflow):
    _, dags = request(f"{stack.url('airflow')}/api/v2/dags", **airflow)
    _, errors = request(f"{stack.url('airflow')}/api/v2/importErrors", **airflow)
    assert {dag["dag_id"] for dag in dags["dags"]} == {
        *("drain_kafka", "recompute_indicators", "audit_quality"),
        *("backfill_candles", "maintain_storage"),
    }
    assert errors["total_entries"] == 0, errors


def test_the_market_page_is_behind_the_login(stack: Stack, airflow):
    candles = f"{stack.url('airflow')}/market/api/candles?exchange=binance&symbol=BTC/USDT"
    assert request(candles)[0] == 401
    assert request(candles, **airflow)[0] == 200
    page = f"{stack.url('airflow')}/market/"
    status, html = request(page, **airflow)
    assert (status, "<html" in html) == (200, True)
    status, script = request(f"{page}files/charts.js", **airflow)
    assert (status, "TradingView" in script) == (200, True)


def test_airflow_links_to_grafana(stack: Stack):
    done = stack.compose("exec", "api-server", "printenv", "GRAFANA_URL")
    assert done.stdout.strip() == stack.url("grafana")


def test_grafana_has_its_dashboards_and_rules_and_its_data_sources_answer(stack: Stack, grafana):
    found = {board["uid"] for board in grafana("/api/search?type=dash-db")}
    assert found == {board["uid"] for board in dashboards()}
    found = {rule["uid"] for rule in grafana("/api/v1/provisioning/alert-rules")}
    assert found == {rule.uid for rule in rules()}
    for source in datasources()["datasources"]:
        health = grafana(f"/api/datasources/uid/{source['uid']}/health")
        assert health["status"] == "OK", health


def test_the_backfill_command_ends_with_success(stack: Stack):
    command = "python -m airflow dags backfill -s 2026-11-01 -e 2026-11-03 backfill_candles"
    done = stack.compose("exec", "scheduler", *command.split(), timeout_s=600)
    assert done.returncode == 0, done.stdout + done.stderr


def test_only_loopback_is_published(stack: Stack):
    published = {
        (container["Config"]["Labels"]["com.docker.compose.service"], binding["HostIp"])
        for container in stack.containers()
        for bindings in (container["HostConfig"]["PortBindings"] or {}).values()
        for binding in bindings
    }
    servers = ("postgres", "influxdb", "api-server", "grafana")
    assert published == {(name, LOOPBACK) for name in servers}
    for address in {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None)}:
        if address.startswith("127.") or ":" in address:
            continue
        for name in PUBLISHED:
            with socket.socket() as probe:
                probe.settimeout(5)
                assert probe.connect_ex((address, getattr(stack.ports, name))) != 0, name


def test_no_container_can_write_its_root_file_system_or_gain_rights(stack: Stack):
    containers = stack.containers()
    assert len(containers) > 15
    for container in containers:
        host, name = container["HostConfig"], container["Name"]
        assert host["ReadonlyRootfs"], name
        assert host["CapDrop"] == ["ALL"], name
        assert "no-new-privileges:true" in host["SecurityOpt"], name
        assert not host["Privileged"], name
        assert container["Config"]["User"].split(":")[0] not in ("", "0", "root"), name


def test_every_volume_is_a_named_one(stack: Stack):
    volumes = {
        mount["Name"]
        for container in stack.containers()
        for mount in container["Mounts"]
        if mount["Type"] == "volume"
    }
    assert volumes == {f"{PROJECT}_{name}" for name in ("line", *SERVERS)}


def test_one_image_serves_all_programs(stack: Stack):
    images = {
        container["Config"]["Image"]: container["Image"]
        for container in stack.containers()
        if container["Config"]["Image"].startswith("crypto-kpi-pipeline:")
    }
    assert len(images) == 1
    tagged = docker("images", "--quiet", "--no-trunc", "--filter", LABEL).splitlines()
    assert set(tagged) <= set(images.values())


def test_no_secret_is_in_a_container_s_configuration_or_in_a_log(stack: Stack):
    names = (
        *("airflow_fernet_key", "grafana_admin_password", "influx_writer_token"),
        *("market_writer_password", "postgres_password"),
    )
    text = json.dumps(stack.containers()) + stack.compose("logs").stdout
    assert [name for name in names if stack.secret(name) in text] == []
