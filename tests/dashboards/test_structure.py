"""Rules every dashboard and alert keeps; no servers needed."""

import json
import re

import pytest

from include.dashboards.alerts import rules
from include.dashboards.datasources import datasources
from include.dashboards.files import dashboards, differing, generated
from include.dashboards.layout import COLUMNS
from include.errors import Misconfigured
from include.kpis.registry import NAMES
from include.streaming.health.definitions import METRICS, Kind
from tests.dashboards.conftest import panels

BOARDS = dashboards()
QUANTILES = ("p50", "p95", "p99")
UIDS = {source["uid"] for source in datasources()["datasources"]}


def test_the_committed_files_are_what_the_code_makes():
    differing()


def test_a_difference_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr("include.dashboards.files.GRAFANA", tmp_path)

    with pytest.raises(Misconfigured, match=r"market\.json.*make dashboards"):
        differing()


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board["uid"])
def test_panels_stand_beside_each_other(board):
    taken = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"])
                 for y in range(at["y"], at["y"] + at["h"])}  # fmt: skip
        assert at["x"] + at["w"] <= COLUMNS
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def test_names_are_used_once():
    assert len({board["uid"] for board in BOARDS}) == len(BOARDS)
    assert len({board["title"] for board in BOARDS}) == len(BOARDS)
    for board in BOARDS:
        titles = [panel["title"] for panel in board["panels"]]
        assert len(set(titles)) == len(titles)
    assert len({rule.uid for rule in rules()}) == len(rules())


@pytest.mark.parametrize("panel", panels())
def test_a_panel_says_what_it_shows_and_in_which_unit(panel):
    assert len(panel["description"]) > 10
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    for target in panel["targets"]:
        assert target["datasource"]["uid"] in UIDS


def test_every_variable_used_is_declared():
    for board in BOARDS:
        declared = {variable["name"] for variable in board["templating"]["list"]}
        for panel in board["panels"]:
            for target in panel["targets"]:
                text = target.get("query") or target["rawSql"]
                assert set(re.findall(r"\$\{(\w+)", text)) <= declared, panel["title"]


def test_every_kpi_that_is_shown_is_one():
    """A misspelt field is an empty panel for ever."""
    (market,) = [board for board in BOARDS if board["uid"] == "market"]
    shown = set()
    for panel in market["panels"]:
        for target in panel["targets"]:
            if "crypto_prices" in target["query"]:
                shown |= set(re.findall(r'_field == "(\w+)"', target["query"]))
    assert {"close", "vwap", "macd_hist"} <= shown <= set(NAMES)


def test_every_metric_that_is_shown_is_one():
    known = {metric.name for metric in METRICS}
    known |= {f"{name.removesuffix('_total')}_per_s" for name in known if name.endswith("_total")}
    known |= {f"{m.name}_{p}" for m in METRICS if m.kind is Kind.SUMMARY for p in QUANTILES}
    (board,) = [board for board in BOARDS if board["uid"] == "pipeline"]
    targets = [target for panel in board["panels"] for target in panel["targets"]]
    health = [t["query"] for t in targets if "pipeline_health" in t.get("query", "")]
    shown = {name for query in health for name in re.findall(r'_field == "(\w+)"', query)}

    assert {"kafka_lag_records", "store_latency_seconds_p99"} <= shown <= known


def test_no_secret_is_written():
    for path, text in generated().items():
        for secret in re.findall(r'"(?:token|password)": "([^"]*)"', text):
            assert re.fullmatch(r"\$__file\{/run/secrets/\w+\}", secret), path
        json.loads(text)


def test_an_alert_says_what_to_do():
    for rule in rules():
        assert rule.severity in {"critical", "warning", "info"}
        assert rule.summary.endswith(".")
        assert "${" not in json.dumps(rule.query), "a rule has no dashboard to take variables from"
