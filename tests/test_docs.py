"""What the documents name exists, and what may trouble somebody is in them."""

import ast
import fnmatch
import re
from pathlib import Path

import pytest

from include.dashboards.alerts import rules
from include.dashboards.files import dashboards
from include.errors import Exit
from include.settings import PREFIX, Settings
from include.streaming.health.consumer import CONSUMING
from include.streaming.health.deliveries import INFLUXDB, KAFKA
from include.streaming.health.producer import PUBLISHING
from tests.chaos.faults import FAULTS

ROOT = Path(__file__).parents[1]
DOCS = sorted((ROOT / "docs").glob("*.md"))
README = (ROOT / "README.md").read_text()
PAGES = [README, *(page.read_text() for page in DOCS)]
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


def test_each_rejection_of_the_drain_has_its_line():
    code = (ROOT / "include" / "warehouse" / "continuity.py").read_text()

    assert set(table("The drain rejects its position")) == set(
        re.findall(r'Rejection\(\s*"(\w+)"', code)
    )


def reasons():
    """Return the texts of all records' refusals, what is put in at run time as an ellipsis."""
    for file in ("wire.py", "streaming/health/snapshots.py", "influxdb/writer.py"):
        for node in ast.walk(ast.parse((ROOT / "include" / file).read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "BadRecord":
                (text,) = node.args
                parts = text.values if isinstance(text, ast.JoinedStr) else [text]
                said = "".join(p.value if isinstance(p, ast.Constant) else "…" for p in parts)
                yield said.replace("… answered", "InfluxDB at … answered")  # what _where() says


def test_each_reason_of_a_dead_letter_has_its_line():
    section = OPERATING.split("## Dead letters\n")[1].split("\n## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    starts = [start for cell in cells for start in re.findall(r"`([^`]+)`", cell)]
    given = [*reasons(), "table …"]  # include/warehouse/load.py says which

    assert len(given) > 20
    assert [reason for reason in given if not reason.startswith(tuple(starts))] == []
    assert [s for s in starts if not any(reason.startswith(s) for reason in given)] == []


def test_every_make_target_is_named_and_every_one_named_exists():
    named = {target for page in PAGES for target in re.findall(r"make (?:-s )?([a-z-]+)", page)}
    targets = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.M))
    quoted = {target for page in PAGES for target in re.findall(r"`make (?:-s )?([a-z-]+)", page)}

    assert quoted <= targets
    assert targets <= named


def test_every_setting_named_exists():
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    named = {name for page in PAGES for name in re.findall(rf"{PREFIX}[A-Z_*]+[A-Z*]", page)}

    assert {name for name in named if not fnmatch.filter(known, name)} == set()


def test_every_dag_and_dashboard_is_named():
    dags = {p.stem for p in (ROOT / "dags").glob("*.py")}
    titles = {board["title"] for board in dashboards()}
    table_ = README.split("## Grafana\n")[1].split("\n## ")[0]

    assert {dag for dag in dags if not any(dag in page for page in PAGES)} == set()
    assert titles == set(re.findall(r"^\| (\w+) \|", table_, re.M)) - {"dashboard"}


@pytest.mark.parametrize("page", [ROOT / "README.md", *DOCS], ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        path, _, anchor = target.partition("#")
        if path.startswith("http"):
            continue
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        headings = re.findall(r"^#+ (.+)$", file.read_text(), re.M) if anchor else []
        assert not anchor or anchor in {h.lower().replace(" ", "-") for h in headings}, target


def test_the_exit_codes_are_those_of_the_code():
    told = README.split("## Exit codes\n")[1].split("\n## ")[0]

    line, _, _ = " ".join(told.split()).partition(". ")
    means = dict(part.split(" ", 1) for part in line.split(" · "))

    assert means == {
        str(int(Exit.OK)): "done",
        str(int(Exit.FAILED)): "a failure of ours",
        str(int(Exit.MISCONFIGURED)): "yours to fix, the line printed says how",
        str(int(Exit.UNAVAILABLE)): "the other side is away",
        str(int(Exit.QUALITY)): "the data breaks a rule that must hold",
    }
    assert len(means) == len(Exit)


MADE = set(
    re.findall(
        r"^CREATE TABLE (\w+)",
        "\n".join(p.read_text() for p in (ROOT / "sql" / "migrations").glob("*.sql")),
        re.M,
    )
)
LIKE_A_TABLE = r"`((?:drain|kafka|quality|gap|candle|dead)_\w+)`"


@pytest.mark.parametrize("page", PAGES)
def test_every_table_named_is_made_by_a_migration(page):
    others = {p.stem for folder in ("dags", "sql/checks") for p in (ROOT / folder).iterdir()}

    assert set(re.findall(LIKE_A_TABLE, page)) - others - MADE == set()


def test_every_table_is_named():
    named = {name for page in PAGES for name in re.findall(r"\w+", page)}

    assert len(MADE) > 15
    assert MADE - named == set()


def test_every_dag_named_exists():
    """A DAG's name begins with a verb: what begins with one of these is a DAG, or known as else."""
    dags = {p.stem for p in (ROOT / "dags").glob("*.py")}
    verbs = "|".join(sorted({dag.split("_")[0] for dag in dags}))
    named = {name for page in PAGES for name in re.findall(rf"\b((?:{verbs})_\w+)", page)}
    checks = {p.stem for p in (ROOT / "sql" / "checks").iterdir()}

    assert named - dags - checks - MADE == set()


@pytest.mark.parametrize("page", PAGES)
def test_every_path_and_module_named_exists(page):
    folders = "include|local|tests|sql|dags|plugins|flux|deploy|grafana|bench|docs"
    paths = re.findall(rf"(?<![\w/])((?:{folders})/[\w./-]*\w)(?![\w/<*])", page)
    modules = re.findall(r"python -m ((?:include|local|bench|tests)[\w.]*\w)", page)
    files = [*paths, *(module.replace(".", "/") for module in modules)]

    assert [f for f in files if not ((ROOT / f).exists() or (ROOT / f"{f}.py").exists())] == []


def test_the_layout_has_every_package_and_module():
    layout = README.split("## Layout\n\n```\n")[1].split("```")[0]
    packages = {f"include/{p.parent.name}/" for p in (ROOT / "include").glob("*/__init__.py")}
    modules = {p.name for p in (ROOT / "include").glob("*.py")} - {"__init__.py"}

    assert packages - set(re.findall(r"^(\S+/)", layout, re.M)) == set()
    assert modules - set(re.findall(r"\w+\.py", layout)) == set()


def test_the_number_of_faults_is_that_of_the_table():
    assert re.findall(r"faults survived: N of (\d+)", README) == [str(len(FAULTS))]
