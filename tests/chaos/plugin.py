"""What the fault suite adds to pytest: its options, what each fault did, and the last line."""

from collections import defaultdict
from collections.abc import Iterable

import pytest

from tests.chaos.faults import FAULTS

MARKERS = (
    "fault(n): a row of the fault table, tests/chaos/faults.py",
    "slow: left out unless --slow is given, as `make chaos` does",
)

PATIENCE_S = 1_200  # of a test on servers that are down for a good part of it


class Story:
    """What a test did to the pipeline and what it saw then, for the report."""

    def __init__(self, test: pytest.Item) -> None:
        self._test = test

    def injected(self, text: str) -> None:
        self._test.user_properties.append(("injected", text))

    def found(self, text: str) -> None:
        self._test.user_properties.append(("found", text))


@pytest.fixture
def story(request: pytest.FixtureRequest) -> Story:
    return Story(request.node)


@pytest.fixture
def seed(pytestconfig: pytest.Config) -> int:
    """Decide what is random in a fault: `make chaos ARGS="--seed 8"`."""
    return int(pytestconfig.getoption("seed"))


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("faults")
    group.addoption("--slow", action="store_true", help="run the slow tests too")
    group.addoption("--seed", type=int, default=7, help="decides what is random in a fault")
    group.addoption("--faults", default="", help="only these rows, such as 8,9")
    group.addoption("--storm-s", type=float, default=120.0, help="how long the storm of kills is")


def pytest_configure(config: pytest.Config) -> None:
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    chosen = {int(n) for n in config.getoption("faults").split(",") if n}
    kept, left = [], []
    for item in items:
        rows = {mark.args[0] for mark in item.iter_markers("fault")}
        if unknown := rows - FAULTS.keys():
            raise pytest.UsageError(f"{item.nodeid}: no such fault: {unknown}")
        item.user_properties += [("fault", row) for row in sorted(rows)]
        if rows and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(PATIENCE_S))
        is_slow = item.get_closest_marker("slow") is not None and not config.getoption("slow")
        (left if is_slow or (chosen and not rows & chosen) else kept).append(item)
    items[:] = kept
    config.hook.pytest_deselected(items=left)
    config.stash[_slow_left] = sum(1 for i in left if i.get_closest_marker("slow") is not None)


_slow_left = pytest.StashKey[int]()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if left := config.stash.get(_slow_left, 0):
        terminalreporter.write_line(f"{left} slow tests left out: `make chaos` runs them")
    if config.getoption("slow") and not config.getoption("collectonly"):
        chosen = [int(n) for n in config.getoption("faults").split(",") if n] or list(FAULTS)
        for line in lines(chosen, all_reports(terminalreporter)):
            terminalreporter.write_line(line)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail the suite when a row was not tested, even though no test failed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if exitstatus != pytest.ExitCode.OK or not session.config.getoption("slow") or not reporter:
        return
    chosen = [int(n) for n in session.config.getoption("faults").split(",") if n] or list(FAULTS)
    if survived(chosen, all_reports(reporter)) != set(chosen):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def all_reports(reporter: pytest.TerminalReporter) -> list[pytest.TestReport]:
    return [r for rs in reporter.stats.values() for r in rs if isinstance(r, pytest.TestReport)]


def survived(rows: Iterable[int], reports: Iterable[pytest.TestReport]) -> set[int]:
    """Return the rows of which a test passed and none failed; a skipped one says why."""
    outcomes = defaultdict(set)
    for report in reports:
        for row in _told(report, "fault"):
            if report.when == "call" or report.outcome != "passed":
                outcomes[row].add(report.outcome)
    return {row for row in rows if "passed" in outcomes[row] and "failed" not in outcomes[row]}


def lines(rows: Iterable[int], reports: Iterable[pytest.TestReport]) -> list[str]:
    """Return the report: for each row, its tests with what was injected and found."""
    rows, reports = list(rows), list(reports)
    well = survived(rows, reports)
    written = [""]
    for row in rows:
        written.append(f"{row:>2} {'survived' if row in well else 'NOT SURVIVED'}: {FAULTS[row]}")
        of_row = [r for r in reports if row in _told(r, "fault")]
        # Of a test that passed only its call counts; of another whichever part did not.
        told = [r for r in of_row if r.when == "call" or r.outcome != "passed"]
        for name, cases in _by_name(told).items():
            written += _test_lines(name, cases)
        if not of_row:
            written.append("     no test")
    return [*written, f"faults survived: {len(well)} of {len(rows)}"]


def _by_name(reports: Iterable[pytest.TestReport]) -> dict[str, list[pytest.TestReport]]:
    """Group the cases of each test that have the same outcome."""
    found = defaultdict(list)
    for report in reports:
        name = report.nodeid.removeprefix("tests/").partition("[")[0]
        found[f"{report.outcome} {name}"].append(report)
    return found


def _test_lines(name: str, cases: list[pytest.TestReport]) -> list[str]:
    took_s = sum(report.duration for report in cases)
    counted = f"{len(cases)} cases, " if len(cases) > 1 else ""
    written = [f"     {name} ({counted}{took_s:.1f} s)"]
    for report in cases:
        for kind in ("injected", "found"):
            written += [f"       {kind}: {text}" for text in _told(report, kind)]
    return written


def _told(report: pytest.TestReport, kind: str) -> list:
    return [text for name, text in report.user_properties if name == kind]
