"""Each command that the documents tell to type is run by somebody, or says why by nobody."""

import os
import re
import shlex
import subprocess
from argparse import ArgumentParser
from pathlib import Path

import pytest

from local.verbs import VERBS

ROOT = Path(__file__).parents[1]
PAGES = [p.read_text() for p in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))]

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
}
NO_ENGINE = (
    "no Docker engine here: tests/compose reads the file with compose-go, compares its commands "
    "with those of local/ and runs its steps on servers"
)
SECRETS = r"/var/lib/pipeline/secrets/(airflow_passwords\.json|grafana_admin_password)"
NOBODY = {
    r"docker compose (--env-file deploy/\w+\.env )?up --build --wait": NO_ENGINE,
    rf"docker compose exec api-server cat {SECRETS}": NO_ENGINE,
    r"docker compose exec scheduler python -m airflow dags backfill .*": NO_ENGINE,
    r"docker compose down": NO_ENGINE,
}


def typed():
    """Return the lines of all ```sh blocks, those that go on joined."""
    blocks = [block for page in PAGES for block in re.findall(r"```sh\n(.*?)```", page, re.S)]
    return [line for block in blocks for line in block.replace("\\\n", "").splitlines()]


def test_each_command_to_type_is_accounted_for():
    patterns = [*RUN_BY, *NOBODY]

    assert len(typed()) > 5
    assert {c for c in typed() if not any(re.fullmatch(p, c) for p in patterns)} == set()
    assert {p for p in patterns if not any(re.fullmatch(p, c) for c in typed())} == set()


@pytest.mark.parametrize(("file", "runs"), RUN_BY.values(), ids=[f for f, _ in RUN_BY.values()])
def test_who_is_said_to_run_it_does(file, runs):
    assert runs in (ROOT / file).read_text()


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
