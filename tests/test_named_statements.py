"""Named statements: the parser, and that names in code and files in `sql/` and `flux/` agree."""

import ast
from pathlib import Path

import pytest

from include.influxdb.queries import FLUX, flux_text
from include.named_statements import named_statement, named_statements
from include.warehouse.statements import SQL, statement

ROOT = Path(__file__).parents[1]
ONE_EACH = (SQL / "migrations", SQL / "checks")


def statements_of(root: Path, suffix: str, comment: str) -> set[str]:
    """Return the names of all statements below *root*, as code writes them."""
    return {
        f"{path.relative_to(root).with_suffix('')}.{name}"
        for path in root.rglob(f"*{suffix}")
        if path.parent not in ONE_EACH
        for name in named_statements(path, comment)
    }


def literals(function: str) -> set[str]:
    """Return the strings given first to calls of *function* in the product."""
    return {
        node.args[0].value
        for tree in TREES
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and node.args
        if getattr(node.func, "id", getattr(node.func, "attr", "")) == function
        if isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str)
    }


TREES = [
    ast.parse(path.read_text())
    for folder in ("include", "local", "dags")
    for path in (ROOT / folder).rglob("*.py")
]
STRINGS = {
    node.value
    for tree in TREES
    for node in ast.walk(tree)
    if isinstance(node, ast.Constant) and isinstance(node.value, str)
}
SQL_NAMES = statements_of(SQL, ".sql", "--")
FLUX_NAMES = statements_of(FLUX, ".flux", "//")


def test_every_statement_is_used():
    dashboards = {f"dashboards/{name}" for name in literals("sql")}

    assert len(SQL_NAMES) > 60
    assert SQL_NAMES - STRINGS - dashboards == set()
    assert set() == FLUX_NAMES - STRINGS


def test_every_name_used_exists():
    used = literals("statement") | literals("compose")
    in_dashboards = {f"dashboards/{name}" for name in literals("sql")}

    assert used
    assert in_dashboards
    assert (used | in_dashboards) - SQL_NAMES == set()
    assert literals("flux") | literals("rows") <= FLUX_NAMES


def test_statements_have_their_comment_and_no_header(tmp_path):
    file = tmp_path / "market.sql"
    file.write_text(
        "-- of a module\n\n-- name: lock\n-- In order.\nSELECT 1;\n\n-- name: move\nSELECT ';'\n"
    )

    assert named_statements(file, "--") == {
        "lock": "-- In order.\nSELECT 1", "move": "SELECT ';'"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-- name: a\nSELECT 1;\n-- name: a\nSELECT 2;\n", "expected each name once, .* a"),
        ("SELECT 1;\n-- name: a\nSELECT 2;\n", "before the first statement, found 'SELECT 1;'"),
    ],
)
def test_a_file_that_is_not_valid_is_named(tmp_path, text, message):
    file = tmp_path / "wrong.sql"
    file.write_text(text)

    with pytest.raises(LookupError, match=message):
        named_statements(file, "--")


def test_an_unknown_name_raises(tmp_path):
    (tmp_path / "few.sql").write_text("-- name: a\nSELECT 1;\n")

    with pytest.raises(LookupError, match=r"expected a statement 'b' in .*few\.sql, found a"):
        named_statement(tmp_path, "few.b", ".sql", "--")
    with pytest.raises(LookupError, match=r"no such file"):
        named_statement(tmp_path, "none.a", ".sql", "--")
    with pytest.raises(LookupError, match="no_such"):
        statement("warehouse/offsets.no_such")
    with pytest.raises(LookupError, match="no_such"):
        flux_text("market.no_such")
