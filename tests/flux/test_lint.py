"""InfluxData's own linter, as used by its editors, finds no fault in any query sent to InfluxDB."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from include.dashboards.alerts import rules
from include.dashboards.files import dashboards
from include.influxdb.queries import FLUX, flux_text
from include.named_statements import named_statements
from local.install import charts
from tests.dashboards import rendering

LINT = Path(__file__).with_name("lint.cjs")
# The names that queries of flux/ leave open, with values as the reader binds them.
BOUND = {
    "bucket": '"crypto-data"',
    "start": "2026-01-01T00:00:00Z",
    "stop": "2026-01-02T00:00:00Z",
    "window": "10s",
    "exchange": '"binance"',
    "symbol": '"BTC/USDT"',
    "interval": "1m",
}


@pytest.fixture
def lint(toolchain):
    """Return the linter's complaints about queries, by name."""
    node = shutil.which("node")
    linter = toolchain.charts.parents[3] / charts.LINTER
    if node is None or not linter.is_dir():
        pytest.skip("no Node.js with npm here: its linter of Flux is not installed")

    def complaints(queries):
        done = subprocess.run(
            [node, str(LINT), str(linter)],
            input=json.dumps(queries), capture_output=True, text=True, timeout=120, check=True,
        )  # fmt: skip
        verdict = done.stdout.splitlines()[-1]  # after what the server logs
        return {name: found for name, found in json.loads(verdict).items() if found != []}

    return complaints


def bound(name):
    """Return a query as the reader sends it: after values for its open names."""
    lines = flux_text(name, fields=("close",)).splitlines()
    imports = [line for line in lines if line.startswith("import ")]
    rest = "\n".join(line for line in lines if line not in imports)
    used = [f"{k} = {v}" for k, v in BOUND.items() if re.search(rf"\b{k}\b", rest)]
    return "\n".join([*imports, *used, rest])


def test_every_query_of_flux_is_clean(lint):
    names = [
        f"{path.stem}.{name}"
        for path in sorted(FLUX.rglob("*.flux"))
        for name in named_statements(path, "//")
    ]

    assert names
    assert lint({name: bound(name) for name in names}) == {}


def test_every_query_of_grafana_is_clean(lint):
    queries = {
        f"{board['uid']}: {panel['title']}: {target['refId']}": target["query"]
        for board in dashboards()
        for panel in board["panels"]
        for target in panel["targets"]
        if "query" in target
    }
    queries |= {
        f"alert: {rule.uid}": rule.query["query"] for rule in rules() if "query" in rule.query
    }

    assert len(queries) > len(rules())
    rendered = {name: rendering.flux(query, "crypto-data") for name, query in queries.items()}
    assert lint(rendered) == {}


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("from(bucket: ", "line 1: expected"),
        ('from(bucket: "b") |> range(start: since)', "undefined identifier since"),
        ('from(bucket: "b") |> limit(n: "3")', "expected int but found string"),
    ],
)
def test_the_linter_finds_mistakes(lint, query, complaint):
    (found,) = lint({"wrong": query}).values()

    assert any(complaint in text for text in found)
