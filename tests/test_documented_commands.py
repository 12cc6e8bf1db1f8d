"""Each command that the documents tell to type is run by somebody."""

import os
import re
import shlex
import subprocess
from argparse import ArgumentParser
from pathlib import Path

import pytest

from local.install import install
from local.verbs import VERBS

ROOT = Path(__file__).parents[1]
PAGES = [p.read_text() for p in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))]


def typed():
    """Return the lines of all ```sh blocks, those that go on joined."""
    blocks = [block for page in PAGES for block in re.findall(r"```sh\n(.*?)```", page, re.S)]
    return [line for block in blocks for line in block.replace("\\\n", "").splitlines()]


# A command of a ```sh block: the file that runs it, and what that file says where it does.
RUN_BY = {
    r"make test": (".ci/run", "make test"),
    r"make demo": ("tests/local/test_demo.py", '["make", "demo"]'),
    r"airflow dags backfill .*": ("tests/plugins/test_backfill.py", '"dags", "backfill"'),
    # No cluster here: a shell runs them all, with a kubectl that says what it was told.
    r"(kubectl|helm|provision|printf|umask) ?.*": (
        "tests/compose/test_kubernetes_page.py",
        '"bash", "-euo", "pipefail"',
    ),
    # Up to the engine here; `make test-docker` runs them on one.
    r"(COMPOSE_PROFILES=\S+ )?docker compose .*": (
        "tests/test_documented_commands.py",
        "def test_docker_compose_takes_each_command_until_it_wants_an_engine(",
    ),
}
COMPOSE_COMMANDS = [c for c in typed() if "docker compose " in c]


@pytest.fixture(scope="module")
def compose():
    return install(["compose"]).compose


def test_each_command_to_type_is_accounted_for():
    assert len(typed()) > 5
    assert {c for c in typed() if not any(re.fullmatch(p, c) for p in RUN_BY)} == set()
    assert {p for p in RUN_BY if not any(re.fullmatch(p, c) for c in typed())} == set()


@pytest.mark.parametrize(("file", "runs"), RUN_BY.values(), ids=[f for f, _ in RUN_BY.values()])
def test_who_is_said_to_run_it_does(file, runs):
    assert runs in (ROOT / file).read_text()


@pytest.mark.parametrize("command", COMPOSE_COMMANDS)
def test_docker_compose_takes_each_command_until_it_wants_an_engine(command, compose, tmp_path):
    nowhere = f"unix://{tmp_path}/docker.sock"
    words = shlex.split(command)
    variables = dict(word.split("=", 1) for word in words[: words.index("docker")])
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "DOCKER_HOST": nowhere}
    done = subprocess.run(
        [compose, *words[words.index("compose") + 1 :]],
        cwd=ROOT, env=environment | variables,
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    assert f"Cannot connect to the Docker daemon at {nowhere}" in done.stderr


def test_each_way_to_stop_names_all_profiles():
    """
    Without them Compose leaves the services of profiles running, and their volume.
    """
    downs = [c for c in COMPOSE_COMMANDS if c.endswith(" down") or " down " in c]
    assert downs
    assert [c for c in downs if "--profile '*'" not in c] == []
    prose = " ".join(PAGES)
    assert re.findall(r"docker compose down|compose --env-file \S+ down", prose) == []


def test_the_test_of_docker_needs_an_engine_and_says_so_in_one_line(tmp_path):
    client = tmp_path / "docker"
    client.write_text("#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2\nexit 1\n")
    client.chmod(0o755)
    done = subprocess.run(
        ["make", "-s", "test-docker"],
        cwd=ROOT, env={**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    first, *rest = done.stderr.splitlines()
    assert done.returncode == 2
    assert first == (
        "Docker Engine 25 or newer is needed, none answers "
        "(Cannot connect to the Docker daemon): start Docker"
    )
    assert all(line.startswith("make") for line in rest)


def inline():
    """Return each `make ...` in a sentence, as it would be typed, once."""
    prose = [re.sub(r"```.*?```", "", page, flags=re.S) for page in PAGES]
    found = {" ".join(c.split()) for page in prose for c in re.findall(r"`([^`]*)`", page)}
    return sorted(c for c in found if re.match(r"(PIPELINE_\w+=\S+ )?make [a-z]", c))


@pytest.mark.parametrize("command", inline())
def test_each_make_in_a_sentence_is_a_command_its_verb_takes(command):
    """What make would run is printed (-n), and given to the verb's own parser."""
    words = [w for w in shlex.split(command) if not w.startswith("PIPELINE_")]
    printed = subprocess.run(
        ["make", "-n", *words[1:]],
        cwd=ROOT, env={"PATH": os.environ["PATH"]},  # a make above tells of its own ARGS
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    lines = [shlex.split(line) for line in printed.splitlines()]
    verbs = {verb.name: verb for verb in VERBS}

    for name, *arguments in [
        line[4:] for line in lines if line[:3] == ["sh", "local/python", "-m"]
    ]:
        if not verbs[name].forwards:  # else they are pytest's or a module's, parsed there
            parser = ArgumentParser(prog=command, exit_on_error=False)
            verbs[name].declare(parser)
            parser.parse_args(arguments)
