"""What the documents name exists, and what may trouble somebody is in them."""

import re
from pathlib import Path

import pytest

from include.dashboards.alerts import rules
from include.streaming.health.consumer import CONSUMING
from include.streaming.health.deliveries import INFLUXDB, KAFKA
from include.streaming.health.producer import PUBLISHING

ROOT = Path(__file__).parents[1]
DOCS = sorted((ROOT / "docs").glob("*.md"))
OPERATING = (ROOT / "docs" / "operating.md").read_text()


def table(heading):
    """Return the first cells of the table below a heading."""
    section = OPERATING.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [line.strip("|").split("|")[0].strip().strip("`") for line in lines[2:]]


def test_each_alert_has_its_line():
    assert sorted(table("An alert fires")) == sorted(rule.title for rule in rules())


def test_each_condition_has_its_line():
    named = table("A service is not ready")

    assert {KAFKA, INFLUXDB, PUBLISHING, CONSUMING, "an exchange's name"} == set(named)


def test_each_dag_has_its_line():
    assert sorted(table("A DAG fails")) == sorted(p.stem for p in (ROOT / "dags").glob("*.py"))


def test_each_refusal_of_the_drain_has_its_line():
    code = (ROOT / "include" / "warehouse" / "continuity.py").read_text()

    assert set(table("The drain refuses")) == set(re.findall(r'Refused\(\s*"(\w+)"', code))


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_every_make_target_named_exists(page):
    targets = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.M))

    assert set(re.findall(r"`make (?:-s )?([a-z-]+)", page.read_text())) <= targets


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_every_table_named_is_made_by_a_migration(page):
    made = "\n".join(p.read_text() for p in (ROOT / "sql" / "migrations").glob("*.sql"))
    named = set(re.findall(r"`((?:drain|kafka|quality|gap|candle|dead)_\w+)`", page.read_text()))
    dags = {p.stem for p in (ROOT / "dags").glob("*.py")}

    assert {name for name in named - dags if f"TABLE {name} " not in made} == set()
