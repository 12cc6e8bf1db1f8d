"""
`airflow dags backfill`, as its user runs it, on a real scheduler.

Whatever an upgrade of Airflow moves, these say so.
"""

import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.plugins.conftest import PLUGINS, Airflow
from tests.terminal import at_terminal

DAYS = ("-s", "2026-11-01", "-e", "2026-11-03")


def backfill(airflow: Airflow, *arguments: str) -> tuple[int, list[str], list[str]]:
    """Return the exit code, and what was said and what was complained of, by line."""
    done = airflow.run("dags", "backfill", *arguments)
    complaints = [line for line in done.stderr.splitlines() if "Warning" not in line]
    return done.returncode, done.stdout.splitlines(), complaints


def test_lists_the_days_of_a_dry_run_both_ends_included(airflow: Airflow):
    code, said, complaints = backfill(airflow, *DAYS, "-n", "-B", "works")

    assert (code, complaints) == (0, [])
    assert said[-4:] == [
        "3 run(s) of works, nothing was started",
        *[f"2026-11-0{day}T00:00:00+00:00" for day in (3, 2, 1)],
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (("works",), 2, "expected --start-date or --end-date or both, found none"),
        (("-s", "2026-11-02", "-e", "2026-11-01", "works"), 2, "expected --start-date before"),
        (("-s", "2999-01-01", "-n", "works"), 2, "Backfill cannot be executed for future dates."),
        ((*DAYS, "-c", "[1]", "works"), 2, "--conf: expected a JSON object, found '[1]'"),
        ((*DAYS, "work"), 2, "there is no DAG work: did you mean works?"),
        ((*DAYS, "rests"), 2, "rests is paused, its runs would wait: airflow dags unpause rests"),
        ((*DAYS, "works"), 3, "no scheduler is running, nobody would run anything"),
    ],
)
def test_a_mistake_is_one_line(airflow: Airflow, arguments, code, complaint):
    found, _, complaints = backfill(airflow, *arguments)

    assert found == code, complaints
    assert len(complaints) == 1
    assert complaints[0].startswith(f"airflow dags backfill: {complaint}")


def test_runs_each_day_once_and_tells_failures_by_its_exit_code(running: Airflow):
    code, said, complaints = backfill(running, *DAYS, "-c", '{"asked": "something"}', "works")
    assert code == 0, complaints
    assert "3 run(s) to do" in said[0]
    assert said[-1].endswith("3 run(s) succeeded")

    code, _, complaints = backfill(running, *DAYS, "breaks_on_the_second")
    assert code == 1, complaints
    assert complaints[0].startswith("failed: 2026-11-02T00:00:00+00:00 (backfill__2026-11-03")
    assert "1 run(s) failed" in complaints[-1]

    code, said, _ = backfill(running, *DAYS, "--rerun-failed-tasks", "breaks_on_the_second")
    assert code == 1
    assert said[0].endswith("1 run(s) to do, 2 left alone (already exists)")

    code, said, _ = backfill(running, "-e", "2026-11-01", "--reset-dagruns", "-y", "works")
    assert code == 0
    assert said[-1].endswith("1 run(s) succeeded")


def test_a_terminal_gets_a_bar(running: Airflow):
    command = ["airflow", "dags", "backfill", "-s", "2026-10-01", "-e", "2026-10-02", "works"]

    code, told = at_terminal(command, running.environment)

    assert code == 0, told
    assert "2 of 2 ended: 2 success" in told
    assert "\x1b[2K" in told  # wiped away
    assert told.rstrip().endswith("2 run(s) succeeded")


def test_an_interrupt_cancels_what_has_not_started(running: Airflow):
    command = ["airflow", "dags", "backfill", "-s", "2026-05-01", "-e", "2026-09-30", "works"]
    with subprocess.Popen(
        [*command, "--max-active-runs", "1"],
        env={**running.environment, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as asked:
        assert asked.stdout is not None
        while line := asked.stdout.readline():
            if "of 153 ended" in line:
                asked.send_signal(signal.SIGINT)
                break
        _, complaints = asked.communicate(timeout=120)

    assert asked.returncode == 130, complaints
    assert "run(s) will not start" in complaints
    code, said, _ = backfill(running, "-s", "2026-04-01", "works")  # nothing is in its way
    assert (code, said[-1].partition(": ")[2]) == (0, "1 run(s) succeeded")


def test_whatever_breaks_in_it_airflow_goes_on_with_a_warning(airflow: Airflow, tmp_path: Path):
    broken = Path(shutil.copytree(PLUGINS, tmp_path / "plugins"))
    (broken / "backfill_command.py").write_text("from airflow.cli.cli_config import GONE")

    done = airflow.run("dags", "--help", AIRFLOW__CORE__PLUGINS_FOLDER=str(broken))

    assert done.returncode == 0
    assert "WARNING: airflow dags backfill is not available: ImportError" in done.stderr
    assert "reserialize" in done.stdout
    assert "backfill " not in done.stdout
