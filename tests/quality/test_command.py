"""`python -m include.quality` as a command."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from include.errors import Exit
from tests.quality.test_checks import snapshot

SOUND = {"data_age_ms": 40}
LATE = {"data_age_ms": 9000}
OUT_OF_RANGE = {"vwap": 103, "session_low": 99, "session_high": 102}


@pytest.mark.parametrize(
    ("planted", "code", "begins", "counted"),
    [
        (SOUND, Exit.OK, "24 checks", "0 not ok, 0 warnings"),
        (LATE, Exit.OK, "warning latency: 1 rows break: 99 percent", "0 not ok, 1 warnings"),
        (OUT_OF_RANGE, Exit.QUALITY, "NOT OK  session_vwap_within_range: 1 rows", "1 not ok"),
    ],
)
def test_it_prints_failed_checks_and_exits_with_4_for_severity_error(
    pipeline_environment, owner, planted, code, begins, counted
):
    owner.execute(snapshot(**planted, timestamp=datetime.now(UTC) - timedelta(minutes=30)))

    done = subprocess.run(
        [sys.executable, "-m", "include.quality"],
        env=pipeline_environment, capture_output=True, text=True,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (code, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith(begins)
    assert all("; do: " in line for line in lines[:-1])
    assert counted in lines[-1]


def test_an_unavailable_store_is_no_report(pipeline_environment):
    away = pipeline_environment | {"PIPELINE_POSTGRES_PORT": "1"}

    done = subprocess.run(
        [sys.executable, "-m", "include.quality"], env=away, capture_output=True, text=True
    )

    assert done.returncode == Exit.UNAVAILABLE
    assert done.stdout == ""
    assert done.stderr.startswith("quality: PostgreSQL as")
