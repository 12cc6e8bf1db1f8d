"""deploy/helm: manifests and the chart's values say what docker-compose.yaml says."""

import json
import os
import re
import subprocess
from itertools import chain
from pathlib import Path

import pytest
import yaml

from include.settings import PREFIX, Settings
from local.airflow_config import airflow_options
from local.credentials import create_secrets
from local.hosts import Hosts
from local.layout import REPOSITORY, Layout
from local.ports import Ports
from local.provision.influxdb import TOKENS
from tests.waiting import eventually

FOLDER = REPOSITORY / "deploy" / "helm"
MANIFESTS = list(yaml.safe_load_all((FOLDER / "pipeline.yaml").read_text()))
VALUES = yaml.safe_load((FOLDER / "airflow-values.yaml").read_text())
WORKLOADS = {m["metadata"]["name"]: m for m in MANIFESTS if "template" in m.get("spec", {})}
SETTINGS = next(m["data"] for m in MANIFESTS if m["kind"] == "ConfigMap")
SECRETS = Path("/var/lib/pipeline/secrets")
# What the chart calls the parts of Airflow.
PARTS = {
    "api-server": "apiServer",
    "scheduler": "scheduler",
    "dag-processor": "dagProcessor",
    "triggerer": "triggerer",
}
# What the chart knows better, or what is read from a file by the option's `_cmd`.
ADDRESSES = {
    ("core", "executor"),
    ("core", "execution_api_server_url"),
    ("api", "host"),
    ("api", "port"),
    ("api", "base_url"),
    ("celery", "broker_url"),
    ("dag_processor", "dag_bundle_storage_path"),
    ("logging", "base_log_folder"),
    ("logging", "dag_processor_child_process_log_directory"),
}
BY_FILE = {
    ("core", "fernet_key"),
    ("database", "sql_alchemy_conn"),
    ("api", "secret_key"),
    ("api_auth", "jwt_secret"),
}


def pod(name):
    return WORKLOADS[name]["spec"]["template"]["spec"]


def container(name):
    (found,) = pod(name)["containers"]
    return found


def environment(name):
    own = {v["name"]: v.get("value", "") for v in container(name).get("env", [])}
    return SETTINGS | own


def keys(volumes):
    """Return the Secret's keys that a pod's volume `secrets-source` takes, optional ones apart."""
    (volume,) = [v for v in volumes if v["name"] == "secrets-source"]
    needed, maybe = set(), set()
    for source in volume["projected"]["sources"]:
        paths = {item["path"] for item in source["secret"]["items"]}
        assert paths == {item["key"] for item in source["secret"]["items"]}
        (maybe if source["secret"].get("optional") else needed).update(paths)
    return needed, maybe


def words(tree):
    """Return every text in a tree of YAML."""
    if isinstance(tree, dict):
        return list(chain.from_iterable(words(v) for v in [*tree, *tree.values()]))
    return list(chain.from_iterable(map(words, tree))) if isinstance(tree, list) else [str(tree)]


def test_the_live_side_and_its_steps_are_there():
    assert set(WORKLOADS) == {"producer", "consumer", "topics", "migrations"}


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_program_has_compose_s_command_image_memory_and_stop(every_service, name):
    service, inside = every_service[name], container(name)
    assert inside["command"] == service["command"]
    assert inside["image"] == service["image"]
    assert inside["resources"]["limits"]["memory"] == f"{int(service['mem_limit']) // 2**20}Mi"
    assert f"{pod(name)['terminationGracePeriodSeconds']}s" == service["stop_grace_period"]


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_program_has_compose_s_settings(every_service, name):
    told = {k: v for k, v in every_service[name]["environment"].items() if v is not None}
    inside = environment(name)
    inside.pop("PIPELINE_HEALTH_HOST", None)
    assert inside == told
    assert container(name)["envFrom"] == [{"configMapRef": {"name": "crypto-kpi-settings"}}]


@pytest.mark.parametrize("name", WORKLOADS)
def test_no_program_is_root_or_may_become_it(name):
    context = pod(name)["securityContext"]
    assert context["runAsUser"] == 50000
    assert context["runAsNonRoot"]
    assert not pod(name)["automountServiceAccountToken"]
    for each in [*pod(name)["initContainers"], container(name)]:
        assert each["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


@pytest.mark.parametrize(
    ("name", "needed"),
    [
        ("topics", set()),
        ("migrations", {"market_owner.pgpass"}),
        ("producer", set()),
        ("consumer", {"influx_writer_token"}),
    ],
)
def test_a_program_gets_the_secrets_it_needs_and_no_other(name, needed):
    kafka = set() if name == "migrations" else {"kafka_password"}
    assert keys(pod(name)["volumes"]) == (needed, kafka)


def test_the_secrets_are_files_that_provisioning_makes(tmp_path):
    layout = Layout(tmp_path)
    layout.create()
    create_secrets(layout, Ports())
    made = {file.name for file in layout.secrets.iterdir()} | set(TOKENS)
    volumes = [pod(name)["volumes"] for name in WORKLOADS]
    volumes += [VALUES[part]["extraVolumes"] for part in ("scheduler", "apiServer")]
    assert set().union(*(keys(each)[0] for each in volumes)) <= made
    read = {Path(command.split()[-1]).name for command in commands().values()}
    assert read - {"connection"} <= made


def test_there_is_never_a_second_producer():
    spec = WORKLOADS["producer"]["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


@pytest.mark.parametrize("name", ["producer", "consumer"])
def test_health_makes_ready_and_its_absence_starts_anew(every_service, name):
    inside = container(name)
    (port,) = inside["ports"]
    assert port["containerPort"] == Settings.model_fields[f"{name}_health_port"].default
    assert f":{port['containerPort']}/healthz" in every_service[name]["healthcheck"]["test"][-1]
    assert inside["readinessProbe"]["httpGet"] == {"path": "/healthz", "port": port["name"]}
    assert inside["livenessProbe"]["httpGet"] == {"path": "/metrics", "port": port["name"]}


def test_each_setting_exists():
    named = {word for word in [*words(MANIFESTS), *words(VALUES)] if word.startswith(PREFIX)}
    assert {name.removeprefix(PREFIX).lower() for name in named} <= set(Settings.model_fields)


def test_each_image_is_compose_s(every_service):
    image = VALUES["images"]["airflow"]
    assert f"{image['repository']}:{image['tag']}" == every_service["scheduler"]["image"]
    own = {each["image"] for name in WORKLOADS for each in pod(name)["initContainers"]}
    assert own == {every_service["producer"]["image"]}
    assert "latest" not in [w for text in words(MANIFESTS) + words(VALUES) for w in text.split(":")]


def test_no_secret_is_in_a_file_or_an_environment():
    assert "Secret" not in {manifest["kind"] for manifest in MANIFESTS}
    assert "secretKeyRef" not in words(MANIFESTS) + words(VALUES)
    assert set(VALUES["enableBuiltInSecretEnvVars"].values()) == {False}
    assert not VALUES.keys() & {"fernetKey", "apiSecretKey", "jwtSecret", "webserverSecretKey"}


@pytest.mark.parametrize("name", PARTS)
def test_a_part_of_airflow_has_compose_s_command(every_service, name):
    # There, all share a volume with the tasks' logs; here, the scheduler serves them.
    there = [word for word in every_service[name]["command"] if word != "--skip-serve-logs"]
    assert VALUES[PARTS[name]]["args"] == there


def test_airflow_s_steps_have_compose_s_commands(every_service):
    assert VALUES["migrateDatabaseJob"]["args"] == every_service["airflow-migrate"]["command"]
    (pools,) = [c for c in VALUES["scheduler"]["extraInitContainers"] if c["name"] == "pools"]
    assert pools["args"] == every_service["airflow-pools"]["command"]


def test_dags_reach_the_market_tables_as_in_compose(every_service):
    told = {each["name"]: each["value"] for each in VALUES["env"]}
    there = every_service["scheduler"]["environment"]
    assert json.loads(told.pop("AIRFLOW_CONN_MARKET")) == json.loads(there["AIRFLOW_CONN_MARKET"])
    assert told == {"NUMBA_CACHE_DIR": there["NUMBA_CACHE_DIR"]}


def commands():
    """Return the options that the chart's values let Airflow ask a command for."""
    return {
        (section, name.removesuffix("_cmd")): value
        for section, options in VALUES["config"].items()
        for name, value in options.items()
        if name.endswith("_cmd")
    }


def test_airflow_has_the_options_it_has_here(tmp_path):
    layout = Layout(tmp_path)
    layout.create()
    create_secrets(layout, Ports())
    options = airflow_options(layout, Ports(), Hosts())
    here = {
        (section, name): str(value)
        .replace(str(REPOSITORY), "/opt/pipeline")
        .replace(str(layout.secrets), str(SECRETS))
        for section, values in options.items()
        for name, value in values.items()
    }
    there = {
        (section, name): str(value)
        for section, values in VALUES["config"].items()
        for name, value in values.items()
        if not name.endswith("_cmd")
    }
    there.pop(("core", "auth_manager"))  # Airflow's default, which the chart's replaces
    there.pop(("dag_processor", "dag_bundle_storage_path"))
    assert here.keys() >= ADDRESSES | BY_FILE
    assert there == {k: v for k, v in here.items() if k not in ADDRESSES | BY_FILE}
    assert commands().keys() == BY_FILE


def test_the_image_has_the_programs_that_the_chart_runs():
    """
    The chart's probes run /entrypoint, its log groomers /clean-logs, its pods dumb-init.
    """
    dockerfile = (REPOSITORY / "Dockerfile").read_text()
    programs = [REPOSITORY / "deploy" / "image" / name for name in ("entrypoint", "clean-logs")]
    copied = " ".join(str(program.relative_to(REPOSITORY)) for program in programs)
    assert f"COPY --chmod=0755 {copied} /\n" in dockerfile
    assert "dumb-init" in re.search(r"apt-get install (.*)", dockerfile)[1]
    done = subprocess.run([programs[0], "echo", "a b", "c"], capture_output=True, text=True)
    assert done.stdout == "a b c\n"


def test_the_log_groomer_deletes_old_logs_and_ends_when_it_is_stopped(tmp_path):
    old, new = tmp_path / "logs" / "dag" / "old.log", tmp_path / "logs" / "new.log"
    old.parent.mkdir(parents=True)
    for file in (old, new):
        file.write_text("")
    os.utime(old, (0, 0))
    os.utime(old.parent, (0, 0))
    environment = {"PATH": os.defpath, "AIRFLOW_HOME": str(tmp_path)}
    with subprocess.Popen(
        [REPOSITORY / "deploy" / "image" / "clean-logs"], env=environment
    ) as groomer:
        eventually(lambda: not old.exists(), "the old log to be deleted", timeout_s=20)
        groomer.terminate()
        assert groomer.wait(10) == 0
    assert new.exists()


def test_airflow_is_the_image_s():
    assert (
        f"apache-airflow=={VALUES['airflowVersion']}\n"
        in (REPOSITORY / "requirements.in").read_text()
    )
    assert VALUES["executor"] == "LocalExecutor"
