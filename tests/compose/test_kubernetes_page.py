"""
docs/kubernetes.md: its commands, run by a shell as they stand there, name what is here.

There is no cluster: `kubectl exec` runs what it is told on this machine, all else is written down.
"""

import os
import re
import secrets
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from include.settings import PREFIX, Settings
from local.layout import REPOSITORY
from local.provision.influxdb import TOKENS
from tests.compose.test_kubernetes import FOLDER, SETTINGS, VALUES, WORKLOADS, commands, keys, pod

PAGE = (REPOSITORY / "docs" / "kubernetes.md").read_text()
# What needs servers is run by tests/compose/test_provision.py; here it leaves the tokens' files.
PROGRAM = """\
#!/bin/sh
echo "${0##*/} $*" >>"$TOLD"
[ "$1" = exec ] || exit 0
while [ "$1" != -- ]; do shift; done
shift
case "$*" in
  *" postgres "* | *" runs "*) ;;
  *" influxdb "*) umask 077; for name in $TOKENS; do echo token >"$LINE/secrets/$name"; done ;;
  *) exec "$@" ;;
esac
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """Run the page's commands in an empty folder; return what kubectl and helm were told."""
    folder, line = tmp_path_factory.mktemp("person"), tmp_path_factory.mktemp("pod") / "line"
    programs = tmp_path_factory.mktemp("programs")
    for name in ("kubectl", "helm"):
        (programs / name).write_text(PROGRAM)
        (programs / name).chmod(0o755)
    (programs / "python").symlink_to(sys.executable)
    for name in ("postgres_password", "influx_password"):
        (folder / name).write_text(secrets.token_urlsafe(32) + "\n")
    blocks = "".join(re.findall(r"```sh\n(.*?)```", PAGE, re.S)).replace("/tmp/line", str(line))
    environment = SETTINGS | {
        "PATH": f"{programs}{os.pathsep}{os.defpath}",
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *filter(None, sys.path)]),
        "HOME": str(folder),
        "TOLD": str(folder / "told"),
        "LINE": str(line),
        "TOKENS": " ".join(TOKENS),
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", blocks], cwd=folder, env=environment,
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    made = folder / "secrets"
    assert {file.stat().st_mode & 0o077 for file in made.iterdir()} == {0}
    said = [shlex.split(text) for text in (folder / "told").read_text().splitlines()]
    files = {word.split("=")[1] for words in said for word in words if "--from-file" in word}
    assert {file for file in files if not (folder / file).read_text().strip()} == set()
    given = (folder / "postgres_password").read_text().strip()
    assert (made / "postgres.pgpass").read_text() == f"postgres:5432:*:postgres:{given}\n"
    password = (made / "airflow_password").read_text().strip()
    address = f"postgresql+psycopg2://airflow:{password}@postgres:5432/airflow"
    assert (made / "connection").read_text() == address
    return said


def made_secrets(told):
    return {
        words[4]: {Path(word).name for word in words[5:]}
        for words in told
        if words[1:4] == ["create", "secret", "generic"]
    }


def test_the_secrets_have_the_keys_that_are_mounted(told):
    volumes = [pod(name)["volumes"] for name in WORKLOADS]
    volumes += [VALUES[part]["extraVolumes"] for part in ("scheduler", "apiServer")]
    assert made_secrets(told) == {
        "crypto-kpi-secrets": set().union(*(keys(each)[0] for each in volumes)),
        "airflow-secrets": {Path(command).name for command in commands().values()},
    }


def test_what_is_applied_awaited_and_scaled_is_here(told):
    words = [word for words in told for word in words]
    assert {word for word in words if word.startswith("deploy/")} == {
        f"deploy/helm/{file.name}" for file in FOLDER.iterdir()
    }
    jobs = {word.removeprefix("job/") for word in words if word.startswith("job/")}
    assert jobs == {name for name, each in WORKLOADS.items() if each["kind"] == "Job"}


def test_the_pod_of_provisioning_is_made_and_deleted(told):
    (name,) = {words[-1] for words in told if words[1:3] == ["delete", "pod"]}
    manifest = yaml.safe_load((FOLDER / "provision.yaml").read_text())
    (inside,) = manifest["spec"]["containers"]
    assert manifest["metadata"]["name"] == name
    assert inside["image"] == pod("producer")["containers"][0]["image"]
    assert inside["securityContext"] == pod("producer")["containers"][0]["securityContext"]
    assert manifest["spec"]["securityContext"] == pod("producer")["securityContext"]


def test_the_page_names_what_is_here():
    for file in FOLDER.iterdir():
        assert f"deploy/helm/{file.name}" in PAGE
    named = set(re.findall(rf"{PREFIX}[A-Z_]+", PAGE))
    assert {name.removeprefix(PREFIX).lower() for name in named} <= set(Settings.model_fields)
