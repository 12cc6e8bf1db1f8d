"""Grafana's panels as plain dicts: what every one of them says, and what each kind adds."""

from collections.abc import Mapping, Sequence
from typing import Any

from include.dashboards.queries import Json

GREEN, YELLOW, RED, BLUE, ORANGE, PURPLE = "green", "yellow", "red", "blue", "orange", "purple"
Steps = Sequence[tuple[float | None, str]]
CALM: Steps = ((None, BLUE),)


def stat(title: str, description: str, query: Json, *, unit: str, steps: Steps = CALM) -> Json:
    """Return a tile: the newest value, its colour by *steps*, a sparkline."""
    panel = _panel("stat", title, description, [query], unit=unit, steps=steps)
    panel["options"] = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "graphMode": "area",
        "colorMode": "value",
        "justifyMode": "auto",
        "textMode": "value",
    }
    return panel


def series(
    title: str,
    description: str,
    queries: Sequence[Json],
    *,
    unit: str,
    overrides: Sequence[Json] = (),
    fill: int = 0,
    legend: bool = True,
) -> Json:
    """Return lines over time."""
    panel = _panel("timeseries", title, description, queries, unit=unit)
    panel["fieldConfig"]["defaults"]["custom"] = {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": fill,
        "showPoints": "never",
        "spanNulls": 120_000,  # ms: a longer silence is seen as one
        "axisPlacement": "auto",
    }
    panel["fieldConfig"]["overrides"] = list(overrides)
    panel["options"] = {
        "legend": {"showLegend": legend, "displayMode": "list", "placement": "bottom"},
        "tooltip": {"mode": "multi", "sort": "none"},
    }
    return panel


def candlesticks(title: str, description: str, queries: Sequence[Json], *, unit: str) -> Json:
    """Return candles with their volume; fields open high low close volume, others as lines."""
    panel = _panel("candlestick", title, description, queries, unit=unit)
    panel["fieldConfig"]["overrides"] = [
        styled("volume", {"unit": "short"}),
        styled("session_vwap", {"color": fixed(ORANGE), "custom.lineWidth": 2}, "session VWAP"),
    ]
    panel["options"] = {
        "mode": "candles+volume",
        "candleStyle": "candles",
        "colorStrategy": "open-close",
        "colors": {"up": GREEN, "down": RED},
        "fields": {name: name for name in ("open", "high", "low", "close", "volume")},
        "includeAllFields": True,
        "legend": {"showLegend": True, "displayMode": "list", "placement": "bottom"},
    }
    return panel


def table(
    title: str, description: str, query: Json, *, unit: str, columns: Mapping[str, Json]
) -> Json:
    """Return a table; *columns* gives each column its own properties, in their order."""
    panel = _panel("table", title, description, [query], unit=unit)
    panel["fieldConfig"]["overrides"] = [styled(name, had) for name, had in columns.items()]
    panel["options"] = {"showHeader": True, "cellHeight": "sm", "footer": {"show": False}}
    order = {name: place for place, name in enumerate(columns)}
    panel["transformations"] = [{"id": "organize", "options": {"indexByName": order}}]
    return panel


def states(title: str, description: str, query: Json, *, mappings: Mapping[str, str]) -> Json:
    """Return a state timeline: one row a series, each state in its colour."""
    panel = _panel("state-timeline", title, description, [query], unit="none")
    panel["fieldConfig"]["defaults"]["mappings"] = [colored(mappings)]
    panel["options"] = {"mergeValues": True, "showValue": "never", "rowHeight": 0.9}
    return panel


def grid(title: str, description: str, query: Json, *, unit: str, steps: Steps) -> Json:
    """Return a status history: a row a series, a cell a moment, coloured by *steps*."""
    panel = _panel("status-history", title, description, [query], unit=unit, steps=steps)
    panel["fieldConfig"]["defaults"]["color"] = {"mode": "thresholds"}
    panel["options"] = {"showValue": "never", "rowHeight": 0.9, "legend": {"showLegend": False}}
    return panel


def styled(field: str, properties: Mapping[str, Any], display_name: str | None = None) -> Json:
    """Return an override of one field, by its name."""
    named = {"displayName": display_name} if display_name else {}
    return {
        "matcher": {"id": "byName", "options": field},
        "properties": [{"id": k, "value": v} for k, v in (named | dict(properties)).items()],
    }


def colored(states: Mapping[str, str]) -> Json:
    """Return a mapping of texts to colours, in their order."""
    return {
        "type": "value",
        "options": {
            state: {"color": color, "index": index}
            for index, (state, color) in enumerate(states.items())
        },
    }


def thresholds(steps: Steps) -> Json:
    """Return the colours of numbers, each from its value on."""
    return {
        "mode": "absolute",
        "steps": [{"value": value, "color": color} for value, color in steps],
    }


def fixed(color: str) -> Json:
    """Return a field's colour, whatever its value."""
    return {"mode": "fixed", "fixedColor": color}


def _panel(
    kind: str,
    title: str,
    description: str,
    queries: Sequence[Json],
    *,
    unit: str,
    steps: Steps = CALM,
) -> Json:
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": queries[0]["datasource"],
        "targets": list(queries),
        "fieldConfig": {
            "defaults": {
                "unit": unit,
                "thresholds": thresholds(steps),
            },
            "overrides": [],
        },
    }
