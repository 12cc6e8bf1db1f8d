"""What docker-compose.yaml promises, as Docker Compose reads it, in each profile."""

import re
from pathlib import Path

import pytest
import yaml

from include.settings import PREFIX, Settings
from local.layout import REPOSITORY
from tests.compose.conftest import FILE, PROFILES

SERVERS = {"kafka", "postgres", "influxdb", "grafana"}
STREAM = {"producer", "consumer"}
AIRFLOW = {"api-server", "scheduler", "dag-processor", "triggerer"}
ONCE = {
    *("files", "topics", "migrations", "airflow-migrate", "airflow-pools"),
    *("provision-postgres", "provision-influxdb", "provision-runs"),
}
# What the images' own Dockerfiles declare.
VOLUMES = {
    "apache/kafka": {"/etc/kafka/secrets", "/var/lib/kafka/data", "/mnt/shared/config"},
    "postgres": {"/var/lib/postgresql/data"},
    "influxdb": {"/var/lib/influxdb2", "/etc/influxdb2"},
    "redis": {"/data"},
}
GRAFANA_PATHS = {
    f"GF_PATHS_{name}" for name in ("CONFIG", "DATA", "HOME", "LOGS", "PLUGINS", "PROVISIONING")
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
        assert own or re.match(r"\d+\.\d+", tag), f"{name}: {service['image']} is not exact"


def test_the_image_is_built_once(services):
    """
    Compose builds, labels and tags an image once for each service that has a `build`.
    """
    (built,) = [name for name, service in services.items() if "build" in service]
    own = [name for name, s in services.items() if s["image"] == services[built]["image"]]
    assert len(own) > 10


def test_the_versions_of_all_images_stand_in_one_place(every_service):
    text = FILE.read_text()
    images = yaml.safe_load(text)["x-images"]
    args = every_service["files"]["build"]["args"]
    assert {service["image"] for service in every_service.values()} | set(args.values()) == set(
        images.values()
    )
    assert re.findall(r"^ *image: (?!\*).*", text, re.M) == []
    dockerfile = (REPOSITORY / "Dockerfile").read_text()
    assert set(re.findall(r"^FROM (\S+)", dockerfile, re.M)) == {f"${{{name}}}" for name in args}
    assert images["python"].startswith("python:3.12.")  # of requirements.txt


@pytest.mark.parametrize("image", VOLUMES)
def test_each_volume_that_an_image_declares_is_covered(every_service, image):
    """
    Docker makes an anonymous volume of one that is not, at every start.
    """
    (service,) = [s for s in every_service.values() if re.fullmatch(rf"{image}:.*", s["image"])]
    mounted = {volume["target"] for volume in service.get("volumes", [])}
    mounted |= {entry.partition(":")[0] for entry in service["tmpfs"]}
    assert mounted >= VOLUMES[image]


def test_grafana_takes_each_path_from_the_file(every_service):
    """
    Its image sets these variables, which take precedence over grafana.ini.
    """
    environment = every_service["grafana"]["environment"]
    assert {name for name in environment if name.startswith("GF_PATHS_")} == GRAFANA_PATHS
    ini = environment["GF_PATHS_CONFIG"]
    assert ini == every_service["grafana"]["entrypoint"][-1]
    assert environment["GF_PATHS_PROVISIONING"] == str(Path(ini).parent / "provisioning")


def test_airflow_links_to_grafana_where_it_is_published(config, every_service):
    (port,) = every_service["grafana"]["ports"]
    for name in AIRFLOW:
        address = f"http://127.0.0.1:{port['published']}"
        assert every_service[name]["environment"]["GRAFANA_URL"] == address
    assert '"GRAFANA_URL": "http://127.0.0.1:1234"' in config("live", GRAFANA_PORT="1234").stdout


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
    assert [name for name, service in services.items() if not service.get("read_only")] == []


def test_no_tmpfs_that_logs_grow_in_is_unbounded(every_service):
    (logs,) = [t for t in every_service["kafka"]["tmpfs"] if t.startswith("/opt/kafka/logs:")]
    assert "size=64m" in logs
    environment = every_service["kafka"]["environment"]
    assert "-loggc" not in environment["EXTRA_ARGS"]
    levels = [environment["KAFKA_LOG4J_ROOT_LOGLEVEL"]]
    levels += [pair.split("=")[1] for pair in environment["KAFKA_LOG4J_LOGGERS"].split(",")]
    assert set(levels) == {"WARN"}


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
