"""Where panels stand: rows of panels on Grafana's grid of 24 columns."""

from collections.abc import Sequence

from include.dashboards.queries import Json

COLUMNS = 24


def arranged(rows: Sequence[tuple[int, Sequence[Json]]]) -> list[Json]:
    """Return the panels of *rows*, each (height, panels), numbered, side by side."""
    placed: list[Json] = []
    y = 0
    for height, panels in rows:
        edges = [COLUMNS * i // len(panels) for i in range(len(panels) + 1)]
        for panel, x, end in zip(panels, edges, edges[1:], strict=False):
            at = {"x": x, "y": y, "w": end - x, "h": height}
            placed.append({"id": len(placed) + 1, **panel, "gridPos": at})
        y += height
    return placed


def dashboard(
    uid: str,
    title: str,
    description: str,
    rows: Sequence[tuple[int, Sequence[Json]]],
    *,
    variables: Sequence[Json] = (),
    annotations: Sequence[Json] = (),
    since: str,
    refresh: str,
) -> Json:
    """Return a dashboard of Grafana's classic model; *since* is the start of its time range."""
    return {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": ["crypto-kpi-pipeline"],
        "schemaVersion": 39,
        "editable": True,
        "graphTooltip": 1,  # one crosshair for all panels
        "timezone": "utc",
        "time": {"from": since, "to": "now"},
        "refresh": refresh,
        "timepicker": {"refresh_intervals": ["5s", "10s", "30s", "1m", "5m"]},
        "templating": {"list": list(variables)},
        "annotations": {"list": list(annotations)},
        "links": [
            {
                "type": "dashboards",
                "title": "Dashboards",
                "tags": ["crypto-kpi-pipeline"],
                "asDropdown": False,
                "keepTime": True,
                "includeVars": True,
            }
        ],
        "panels": arranged(rows),
    }
