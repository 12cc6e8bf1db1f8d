"""Install, test, lint, lock."""

import os
import subprocess
from argparse import Namespace

from include.errors import Exit
from local.docker_engine import require_engine
from local.install import COMPONENTS, install
from local.layout import REPOSITORY
from local.verbs.verb import Verb, replace_process, run_module

LINTERS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
)
BENCHMARKS = ("bench.fold", "bench.consumer", "bench.drain", "bench.recompute")
LOCK_OPTIONS = ["--universal", "--python-version", "3.12", "--generate-hashes"]
LOCK_OPTIONS += ["--no-emit-index-url", "--no-header", "--no-annotate"]


def _setup(options: Namespace) -> int:
    install()
    return Exit.OK


def _test(options: Namespace) -> int:
    replace_process(install([*COMPONENTS, "compose"]), "pytest", *options.arguments)


def _test_docker(options: Namespace) -> int:
    require_engine()
    replace_process(install(["python"]), "pytest", "--docker", "tests/docker", *options.arguments)


def _chaos(options: Namespace) -> int:
    replace_process(install(), "pytest", "-m", "fault", "--slow", "-q", *options.arguments)


def _lint(options: Namespace) -> int:
    tools = install(["python"])
    failed = [linter[0] for linter in LINTERS if run_module(tools, *linter) != 0]
    imports = [str(tools.python.parent / "lint-imports"), "--no-logo"]
    if subprocess.run(imports, cwd=REPOSITORY).returncode != 0:  # no module to run it as
        failed.append("import-linter")
    if failed:
        print(f"not clean: {', '.join(failed)}")
    return Exit.FAILED if failed else Exit.OK


def _lock(options: Namespace) -> int:
    uv = install(["python"]).python.parent / "uv"
    for name in ("requirements", "requirements-workers", "requirements-dev"):
        command = [
            str(uv),
            "pip",
            "compile",
            "--quiet",
            *LOCK_OPTIONS,
            f"{name}.in",
            "-o",
            f"{name}.txt",
        ]
        if subprocess.run(command, cwd=REPOSITORY, env=os.environ).returncode != 0:
            return Exit.FAILED
    return Exit.OK


def _golden(options: Namespace) -> int:
    return run_module(install(["python"]), "tests.kpis.make_golden")


def _dashboards(options: Namespace) -> int:
    return run_module(install(["python"]), "include.dashboards", *options.arguments)


def _documents(options: Namespace) -> int:
    return run_module(install(["python"]), "local.documents", *options.arguments)


def _bench(options: Namespace) -> int:
    tools = install()
    codes = [run_module(tools, benchmark) for benchmark in BENCHMARKS]
    return max(codes)


SETUP = Verb("setup", "install servers and Python packages into the cache", _setup)
TEST = Verb("test", "run the tests, on real servers of their own", _test, forwards=True)
TEST_DOCKER = Verb(
    "test-docker", "build and start docker-compose.yaml, test it, remove it", _test_docker,
    forwards=True,
)  # fmt: skip
CHAOS = Verb("chaos", "survive every fault of the table, on real servers", _chaos, forwards=True)
LINT = Verb("lint", "check style, types and the direction of imports", _lint)
GOLDEN = Verb("golden", "make the golden files of the indicators again", _golden)
DOCUMENTS = Verb("documents", "write the tables in the documents again", _documents, forwards=True)
DASHBOARDS = Verb(
    "dashboards", "write Grafana's dashboards and alerts again", _dashboards, forwards=True
)
BENCH = Verb("bench", "measure what fold, consumer, drain and recomputation cost", _bench)
LOCK = Verb("lock", "pin requirements*.in in requirements*.txt", _lock)
