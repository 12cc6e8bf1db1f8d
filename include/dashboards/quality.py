"""The Quality dashboard: which minutes are proved, which gaps are open, what the checks say."""

from include.dashboards.layout import dashboard
from include.dashboards.panels import GREEN, RED, YELLOW, grid, stat, table
from include.dashboards.queries import Json, sql

UID = "quality"
PROVED = ((None, RED), (95.0, YELLOW), (100.0, GREEN))
NONE = ((None, GREEN), (1.0, RED))


def quality() -> Json:
    """Return the dashboard."""
    return dashboard(
        UID,
        "Quality",
        "Each closed minute proved against the exchange's own candle; gaps and their repair; "
        "checks; the same counts in every store.",
        [
            (4, _tiles()),
            (9, [_hours()]),
            (8, [_gaps(), _counts()]),
            (12, [_checks()]),
        ],
        since="now-24h",
        refresh="30s",
    )


def _tiles() -> list[Json]:
    return [
        stat(
            "Proved",
            "Audited minutes of the time range whose trades add up to the exchange's candle.",
            sql("quality.proved"),
            unit="percent",
            steps=PROVED,
        ),
        stat(
            "Open gaps",
            "Minutes that are not proved and not yet repaired. The audit retries them.",
            sql("quality.open_gaps"),
            unit="suffix: minutes",
            steps=NONE,
        ),
        stat(
            "Failing checks",
            "Failing checks of severity error in the newest run.",
            sql("quality.failing_checks"),
            unit="none",
            steps=NONE,
        ),
    ]


def _hours() -> Json:
    return grid(
        "Proved minutes by hour",
        "Share of each market's minutes that are proved complete, hour by hour.",
        sql("quality.hours", is_series=True),
        unit="percent",
        steps=PROVED,
    )


def _gaps() -> Json:
    return table(
        "Gaps",
        "Minutes that failed their proof, by cause: open, closed, and what their repair changed.",
        sql("quality.gaps"),
        unit="none",
        columns={"cause": {}, "open": {}, "closed": {}, "trades_added": {}, "trades_removed": {}},
    )


def _counts() -> Json:
    return table(
        "The same in every store",
        "Newest counted window: raw trades by the exchange's candles and in PostgreSQL; trades in "
        "Kafka, PostgreSQL and InfluxDB; candles in PostgreSQL and InfluxDB.",
        sql("quality.counts"),
        unit="none",
        columns={"exchange": {}, "symbol": {}, "raw_exchange": {}, "raw_postgres": {}},
    )


def _checks() -> Json:
    return table(
        "Checks",
        "The newest result of every check, failing ones first: the number of rows that break its "
        "rule, and a sample of them.",
        sql("quality.checks"),
        unit="none",
        columns={"check": {"custom.width": 240}, "severity": {}, "failing": {}, "sample": {}},
    )
