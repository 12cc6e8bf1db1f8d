"""The table is whole, and the report says what happened: a row without a test is not survived."""

import ast
from pathlib import Path

import pytest

from tests.chaos.faults import FAULTS
from tests.chaos.plugin import lines, survived

TESTS = Path(__file__).parents[1]


def marked_rows():
    """Return the rows that tests name, read from their source: whatever is selected now."""
    for file in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.fault":
                yield ast.literal_eval(node.args[0])


def test_every_row_has_a_test():
    assert list(FAULTS) == list(range(1, 34))
    assert set(marked_rows()) == set(FAULTS)


def report(test, row, outcome="passed", when="call", **told):
    properties = [("fault", row), *told.items()]
    return pytest.TestReport(
        f"tests/chaos/{test}", ("", 0, ""), {}, outcome, None, when, user_properties=properties
    )


@pytest.mark.parametrize(
    ("reports", "rows"),
    [
        ([report("a", 2), report("b", 3)], {2, 3}),
        ([report("a", 2), report("b", 2, "failed")], set()),
        ([report("a", 2), report("a", 2, "failed", "teardown")], set()),
        ([report("a", 2, "failed", "setup")], set()),
        ([report("a", 2, "skipped", "setup")], set()),
        ([report("a", 2), report("b", 2, "skipped", "setup")], {2}),
        ([report("a", 2, when="setup"), report("a", 2, when="teardown")], set()),
    ],
)
def test_a_row_is_survived_if_something_passed_and_nothing_failed(reports, rows):
    assert survived([1, 2, 3], reports) == rows


def test_tells_what_was_injected_and_found_and_how_many_were_survived():
    reports = [
        report("test_a.py::test_x[1]", 13, injected="four times 503", found="missing 0"),
        report("test_a.py::test_x[2]", 13, injected="two times 429", found="missing 0"),
    ]

    written = lines([12, 13], reports)

    assert written[1:] == [
        f"12 NOT SURVIVED: {FAULTS[12]}",
        "     no test",
        f"13 survived: {FAULTS[13]}",
        "     passed chaos/test_a.py::test_x (2 cases, 0.0 s)",
        "       injected: four times 503",
        "       found: missing 0",
        "       injected: two times 429",
        "       found: missing 0",
        "faults survived: 1 of 2",
    ]
