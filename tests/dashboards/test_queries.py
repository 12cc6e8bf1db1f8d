"""Every query of every panel, run on the real stores filled with the simulated market."""

import psycopg
import pytest

from include.dashboards.files import dashboards


def overridden(panel):
    return {o["matcher"]["options"] for o in panel["fieldConfig"]["overrides"]}


def test_every_panel_has_data_with_the_fields_it_uses(filled):
    empty = []
    for board in dashboards():
        for panel in board["panels"]:
            rows = [row for target in panel["targets"] for row in filled.run(target)]
            names = {name for row in rows for name in row} | {row.get("_field") for row in rows}
            if not rows or not overridden(panel) <= names:
                missing = sorted(overridden(panel) - names)
                empty.append((board["uid"], panel["title"], len(rows), missing))
    assert empty == []


def test_every_variable_has_choices(filled):
    for board in dashboards():
        for variable in board["templating"]["list"]:
            if variable["type"] == "query":
                query = {"datasource": variable["datasource"], "query": variable["query"]}
                found = {row["_value"] for row in filled.run(query)}
                expected = {"exchange": {"binance"}, "symbol": {"BTC/USDT", "ETH/USDT"}}
                assert found == expected[variable["name"]]


@pytest.fixture
def candles(filled):
    (market,) = [board for board in dashboards() if board["uid"] == "market"]
    (panel,) = [panel for panel in market["panels"] if panel["type"] == "candlestick"]
    return lambda **variables: filled.run(panel["targets"][0], **variables)


def test_candles_are_the_exchanges_then_the_open_minute(candles):
    """121 minutes: 120 closed, and the one that is folded from its seconds."""
    rows = candles()

    times = [row["_time"] for row in rows]
    assert times == sorted(set(times))
    assert 120 <= len(rows) <= 121
    assert all(row["low"] <= min(row["open"], row["close"]) for row in rows)
    assert all(row["high"] >= max(row["open"], row["close"]) for row in rows)


def test_wider_candles_hold_the_narrow_ones(candles):
    minutes, quarters = candles(), candles(interval="15m")

    assert sum(row["volume"] for row in quarters) == pytest.approx(
        sum(row["volume"] for row in minutes), rel=1e-12
    )
    for quarter in quarters:
        inside = [
            row for row in minutes if 0 <= (row["_time"] - quarter["_time"]).total_seconds() < 900
        ]
        assert quarter["open"] == inside[0]["open"]
        assert quarter["close"] == inside[-1]["close"]
        assert quarter["high"] == max(row["high"] for row in inside)
        assert quarter["low"] == min(row["low"] for row in inside)
        assert quarter["_time"].minute % 15 == 0, "a candle is named by its start"


def test_how_the_dags_went(filled):
    (board,) = [board for board in dashboards() if board["uid"] == "pipeline"]
    (panel,) = [panel for panel in board["panels"] if panel["title"] == "DAGs"]
    rows = filled.run(panel["targets"][0])

    told = {row["dag"]: (row["newest"], row["succeeded"], row["failed"]) for row in rows}
    assert told["audit_quality"] == ("failed", 1, 1)
    assert told["drain_kafka"] == ("success", 2, 0)


def test_a_reader_sees_no_more_of_airflow(stores):
    for query in ("SELECT conf FROM dag_run", "SELECT * FROM connection", "SELECT * FROM xcom"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            stores.run({"datasource": {"type": "postgres", "uid": "airflow"}, "rawSql": query})


def test_no_data_is_no_error(stores):
    for board in dashboards():
        for panel in board["panels"]:
            for target in panel["targets"]:
                stores.run(target)
