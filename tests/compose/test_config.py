"""What docker-compose.yaml promises, as Docker Compose reads it, in each profile."""

import re

import pytest

from include.settings import PREFIX, Settings
from tests.compose.conftest import PROFILES

SERVERS = {"kafka", "postgres", "influxdb", "grafana"}
STREAM = {"producer", "consumer"}
AIRFLOW = {"api-server", "scheduler", "dag-processor", "triggerer"}
ONCE = {
    *("files", "topics", "migrations", "airflow-migrate", "airflow-pools"),
    *("provision-postgres", "provision-influxdb", "provision-runs"),
}
MORE = {"live": set(), "demo": {"simulator"}, "scale": {"redis", "worker"}}


@pytest.mark.parametrize("profile", PROFILES)
def test_docker_compose_takes_it_without_a_word(config, profile):
    done = config(profile)

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_a_profile_has_the_whole_line(services, request):
    profile = request.node.callspec.params["services"]
    assert set(services) == SERVERS | STREAM | AIRFLOW | ONCE | MORE[profile]


def test_each_image_is_pinned(services):
    for name, service in services.items():
        _, _, tag = service["image"].rpartition(":")
        assert re.match(r"\d+", tag), f"{name}: {service['image']}"
        own = service["image"].startswith("crypto-kpi-pipeline:")
        assert own == ("build" in service)
        assert own or re.match(r"\d+\.\d+", tag), f"{name}: {service['image']} is not exact"


def test_nothing_is_published_beyond_this_machine(services):
    published = {
        name: {port["host_ip"] for port in service["ports"]}
        for name, service in services.items()
        if "ports" in service
    }
    assert published == {
        name: {"127.0.0.1"} for name in ("postgres", "influxdb", "api-server", "grafana")
    }
    assert all("network_mode" not in service for service in services.values())


def test_no_service_is_root_or_may_become_it(services):
    for name, service in services.items():
        user, _, _ = service["user"].partition(":")
        assert int(user) > 0, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service.keys() & {"privileged", "cap_add", "devices", "pid", "ipc"}, name
        assert "docker.sock" not in str(service), name


def test_no_root_file_system_can_be_written(services):
    writable = {name for name, service in services.items() if not service.get("read_only")}
    assert writable == {"kafka"}  # its image writes its configuration beside its programs


def test_each_service_is_bounded_and_told_when_to_start_again(services):
    for name, service in services.items():
        assert int(service["mem_limit"]) <= 2 * 2**30, name
        assert service["pids_limit"] > 0, name
        assert "max-size" in service["logging"]["options"], name
        assert service["restart"] == ("no" if name in ONCE else "unless-stopped"), name


def test_each_service_that_stays_tells_its_health(services):
    assert {name for name, service in services.items() if "healthcheck" in service} == (
        set(services) - ONCE
    )


def test_who_waits_waits_for_health_or_an_end_well(services):
    for name, service in services.items():
        for other, need in service.get("depends_on", {}).items():
            end = "service_completed_successfully" if other in ONCE else "service_healthy"
            assert need["condition"] == end, f"{name} on {other}"


def test_each_step_that_ends_is_waited_for(services):
    """
    `up --wait` takes the end of one that nobody waits for as a failure.
    """
    waited_for = {other for service in services.values() for other in service.get("depends_on", {})}
    assert waited_for >= ONCE


def test_each_setting_that_is_named_exists(services):
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    for name, service in services.items():
        told = {key for key in service.get("environment", {}) if key.startswith(PREFIX)}
        assert told <= known, name
        Settings.of({key: service["environment"][key] or "" for key in told if
                     service["environment"][key] is not None})  # fmt: skip


def test_a_setting_of_the_shell_goes_through_and_an_absent_one_stays_absent(config):
    told = config("live", PIPELINE_MARKETS="binance:SOL/USDT").stdout
    assert '"PIPELINE_MARKETS": "binance:SOL/USDT"' in told
    assert '"PIPELINE_MARKETS": null' in config("live").stdout


@pytest.mark.parametrize("profile", PROFILES)
def test_no_secret_is_in_it(config, profile):
    """
    Whatever is called a password, secret, token or key is the name of a file.
    """
    text = config(profile).stdout
    named = re.findall(r'"(\w*(?:PASSWORD|SECRET|TOKEN|KEY|PASSFILE)\w*)": "([^"]*)"', text)
    assert named
    assert [(name, value) for name, value in named if not value.startswith("/var/lib/")] == []
    assert "://" not in re.sub(r"http://[\w.-]+:\d+|PLAINTEXT://|CONTROLLER://", "", text)
    assert "latest" not in text


def test_groups_that_files_are_copied_for_are_those_the_servers_run_as(every_service):
    given = dict(
        argument.removeprefix("--group=").split("=")
        for argument in every_service["files"]["command"]
        if argument.startswith("--group=")
    )
    assert {server: every_service[server]["user"].split(":")[1] for server in given} == given
    assert set(given.values()) <= set(every_service["files"]["group_add"])
    assert "--group=grafana=472" in every_service["provision-influxdb"]["command"]
