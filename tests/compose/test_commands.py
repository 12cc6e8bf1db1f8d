"""What runs in containers is what local/ runs: the same commands, signals and waits."""

import json
import re
from pathlib import Path

import pytest

from local.airflow_config import POOLS, market_connection
from local.grafana import Grafana
from local.grafana_config import grafana_command
from local.hosts import Hosts
from local.install import kafka, postgres, toolchain
from local.install.influxdb import VERSION as INFLUXDB
from local.kafka_config import HEAP, kafka_properties
from local.layout import REPOSITORY, Layout
from local.ports import Ports
from local.postgres_config import postgres_conf
from local.services import AIRFLOW, SIMULATOR, STREAM, services

LINE = Layout(Path("/var/lib/pipeline"))
# Where a container's address or folder stands for that of this machine.
ADDRESSES = ("listeners", "advertised.listeners", "controller.quorum.voters", "log.dirs")
PLACES = ("listen_addresses", "port", "unix_socket_directories", "hba_file")


@pytest.fixture(scope="module")
def here():
    """The services of a line on this machine, by name."""
    return {s.name: s for s in services(LINE, Ports(), "simulated", toolchain())}


def module_onward(command):
    """Return a command of ours from its module on."""
    return command[command.index("-m") :]


def without_addresses(command):
    return [re.sub(r"^(\d+\.){3}\d+(:\d+)?$|^\d{4,5}$", "ADDRESS", word) for word in command]


@pytest.mark.parametrize("name", [*STREAM, *AIRFLOW])
def test_a_program_of_ours_has_the_same_command(here, every_service, name):
    inside = every_service[name]["command"]
    assert inside[0] == "python"
    assert without_addresses(module_onward(inside)) == without_addresses(
        module_onward(here[name].command)
    )


def test_the_simulator_listens_by_its_name(here, every_service):
    assert every_service[SIMULATOR]["command"][1:] == [
        *module_onward(here[SIMULATOR].command),
        *("--host", every_service[SIMULATOR]["hostname"]),
    ]


def test_influxdb_has_the_same_options(here, every_service):
    inside = every_service["influxdb"]["entrypoint"]
    outside = [word.replace(str(LINE.influxdb_data), "/var/lib/influxdb2")
               for word in here["influxdb"].command]  # fmt: skip
    assert without_addresses(inside[1:]) == without_addresses(outside[1:])
    assert every_service["influxdb"]["image"] == f"influxdb:{INFLUXDB}"


def test_grafana_has_the_same_options(every_service):
    home = Path("/usr/share/grafana")
    outside = grafana_command(Grafana(home / "bin" / "grafana", home), LINE)
    assert every_service["grafana"]["entrypoint"] == outside


def test_kafka_has_the_same_properties(every_service):
    pairs = (line.split("=", 1) for line in kafka_properties(LINE, Ports()).splitlines())
    outside = {name: value for name, value in pairs if name not in ADDRESSES}
    inside = dict(every_service["kafka"]["environment"])
    assert inside.pop("KAFKA_HEAP_OPTS") == " ".join(HEAP)
    for name in ("EXTRA_ARGS", "KAFKA_LOG4J_ROOT_LOGLEVEL", "KAFKA_LOG4J_LOGGERS"):
        inside.pop(name)  # of the image's start and its log4j; here slf4j-simple logs warnings
    for name in ADDRESSES:
        inside.pop(f"KAFKA_{name.upper().replace('.', '_')}")
    assert inside == {f"KAFKA_{k.upper().replace('.', '_')}": v for k, v in outside.items()}


def test_postgres_has_the_same_settings(every_service):
    pairs = (line.split(" = ", 1) for line in postgres_conf(LINE, Ports()).splitlines())
    outside = {name: value.strip("'") for name, value in pairs if name not in PLACES}
    options = [word.removeprefix("-c").split("=", 1) for word in
               every_service["postgres"]["command"][1:]]  # fmt: skip
    assert {name: value for name, value in options} == outside


def test_each_is_stopped_as_here(here, every_service):
    for name, service in here.items():
        if name not in every_service:
            continue
        inside = every_service[name]
        assert inside["stop_grace_period"] == f"{service.stop_wait_s}s", name
        assert inside.get("stop_signal", "SIGTERM") == f"SIG{service.stop_signal}", name


def test_dags_reach_the_market_tables_as_here(every_service):
    inside = every_service["scheduler"]["environment"]["AIRFLOW_CONN_MARKET"]
    outside = market_connection(LINE, Ports(postgres=5432), Hosts(postgres="postgres"))
    assert json.loads(inside) == json.loads(outside)


def test_the_steps_are_modules_and_files_that_exist(every_service):
    for name, service in every_service.items():
        command = service.get("command") or []
        if command[:2] != ["python", "-m"] or command[2] == "airflow":
            continue
        module = REPOSITORY / command[2].replace(".", "/")
        assert module.with_suffix(".py").exists() or (module / "__main__.py").exists(), name
    assert every_service["airflow-pools"]["command"][-1] == str(
        Path("/opt/pipeline") / POOLS.relative_to(REPOSITORY)
    )


def test_the_image_has_what_the_commands_need():
    dockerfile = (REPOSITORY / "Dockerfile").read_text()
    copied = set(re.findall(r"^COPY (\w+) /opt/pipeline/\1$", dockerfile, re.M))
    assert copied == {"dags", "flux", "grafana", "include", "local", "plugins", "sql"}
    assert dockerfile.split("USER ")[-1].startswith("50000:0\n")
    kept = set(re.findall(r"^!(\S+)$", (REPOSITORY / ".dockerignore").read_text(), re.M))
    locks = {"requirements.txt", "requirements-workers.txt"}
    assert kept == {f"{folder}/**" for folder in copied | {"deploy/image"}} | locks
    assert locks <= set(re.search(r"^COPY (requirements.*) /tmp/$", dockerfile, re.M)[1].split())


def test_kafka_and_postgres_are_the_versions_installed_here(every_service):
    for name, component in (("kafka", kafka.component()), ("postgres", postgres.component())):
        assert every_service[name]["image"].endswith(f":{component.version}")
