"""Alert rules: a query that gives a number for each symbol, and when it is too much."""

from collections.abc import Sequence
from typing import NamedTuple

from include.dashboards.datasources import FOLDER
from include.dashboards.queries import EXPRESSION, Json, flux, sql


class Alert(NamedTuple):
    """
    One rule.

    Attributes:
        summary: What is wrong and what to do, for who is called; {{ $labels.symbol }} names whose.
        query: Gives one number a series; the labels are its tags, or its text columns.
        threshold: Alerts above it.
        window_s: How far back the query looks.
        wait_s: How long it must last.
        no_data: What silence means: "OK", or "Alerting" where silence is the fault.
    """

    uid: str
    title: str
    severity: str
    summary: str
    query: Json
    threshold: float
    window_s: int
    wait_s: int
    no_data: str = "OK"


def rules() -> list[Alert]:
    """Return all alerts."""
    return [
        Alert(
            "stale-feed",
            "Stale feed",
            "critical",
            "{{ $labels.symbol }}: no snapshot for "
            '{{ printf "%.0f" $values.B.Value }} s. '
            "Look at the producer's health.",
            flux("alerts.stale_feed"),
            threshold=60,
            window_s=3600,
            wait_s=0,
            no_data="Alerting",
        ),
        Alert(
            "crossed-book",
            "Crossed or one-sided book",
            "warning",
            '{{ $labels.symbol }}: {{ printf "%.0f" $values.B.Value }} snapshots of the last '
            "5 minutes have no spread: "
            "the exchange's book is crossed, locked or empty on one side.",
            flux("alerts.crossed_book"),
            threshold=3,
            window_s=300,
            wait_s=0,
        ),
        Alert(
            "big-move",
            "Big move",
            "info",
            '{{ $labels.symbol }} moved by {{ printf "%.1f" $values.B.Value }} % within 5 minutes.',
            flux("alerts.big_move"),
            threshold=3,
            window_s=300,
            wait_s=0,
        ),
        Alert(
            "macd-cross",
            "MACD cross",
            "info",
            "{{ $labels.symbol }}: MACD crossed its signal on the last closed candle.",
            flux("alerts.macd_cross"),
            threshold=0,
            window_s=600,
            wait_s=0,
        ),
        Alert(
            "lag",
            "Lag",
            "warning",
            "Partition {{ $labels.partition }}: "
            '{{ printf "%.0f" $values.B.Value }} records are not read yet. '
            "Look at the consumer's health.",
            flux("alerts.lag"),
            threshold=10_000,
            window_s=300,
            wait_s=60,
        ),
        Alert(
            "failed-proof",
            "Failed proof",
            "critical",
            '{{ printf "%.0f" $values.B.Value }} minutes of the last hour differ from the '
            "exchange's candles and are not repaired. See the last run of audit_quality.",
            sql("alerts.unproved"),
            threshold=0,
            window_s=3600,
            wait_s=600,
        ),
        Alert(
            "dead-letters",
            "Dead letters",
            "warning",
            '{{ printf "%.0f" $values.B.Value }} records of the last hour could not be read: '
            "`make dead-letters`.",
            sql("alerts.dead_letters"),
            threshold=0,
            window_s=3600,
            wait_s=0,
        ),
    ]


def alerts(found: Sequence[Alert] | None = None) -> Json:
    """Return the provisioning of all rules, evaluated every 30 s."""
    return {
        "apiVersion": 1,
        "groups": [
            {
                "orgId": 1,
                "name": "pipeline",
                "folder": FOLDER,
                "interval": "30s",
                "rules": [_rule(alert) for alert in found or rules()],
            }
        ],
    }


def _rule(alert: Alert) -> Json:
    query = dict(alert.query)
    source = query.pop("datasource")
    over = {"evaluator": {"type": "gt", "params": [alert.threshold]}}
    return {
        "uid": alert.uid,
        "title": alert.title,
        "condition": "C",
        "data": [
            {
                "refId": "A",
                "relativeTimeRange": {"from": alert.window_s, "to": 0},
                "datasourceUid": source["uid"],
                "model": {**query, "datasource": source, "intervalMs": 1000},
            },
            _expression(alert, "B", "reduce", "A", reducer="last"),
            _expression(alert, "C", "threshold", "B", conditions=[over]),
        ],
        "for": f"{alert.wait_s}s",
        "noDataState": alert.no_data,
        "execErrState": "Error",
        "annotations": {"summary": alert.summary},
        "labels": {"severity": alert.severity},
    }


def _expression(alert: Alert, ref: str, kind: str, of: str, **options: object) -> Json:
    model = {"refId": ref, "datasource": EXPRESSION, "type": kind, "expression": of, **options}
    time_range = {"from": alert.window_s, "to": 0}
    uid = EXPRESSION["uid"]
    return {"refId": ref, "relativeTimeRange": time_range, "datasourceUid": uid, "model": model}
