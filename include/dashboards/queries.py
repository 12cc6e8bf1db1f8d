"""Queries of panels and alerts: a file each, as Grafana's data sources want them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

type Json = dict[str, Any]

INFLUXDB = {"type": "influxdb", "uid": "influxdb"}
POSTGRES = {"type": "postgres", "uid": "postgres"}
EXPRESSION = {"type": "__expr__", "uid": "__expr__"}

FLUX = Path(__file__).parent / "flux"
SQL = Path(__file__).parents[2] / "sql" / "dashboards"


def flux(name: str, ref: str = "A", *, fields: Sequence[str] = ()) -> Json:
    """
    Return a panel's query of InfluxDB: the file `flux/<name>.flux`.

    Where it says @fields stands the test for *fields*, in the form that InfluxDB's storage takes
    over (`contains` would read every field and throw most away).
    """
    text = _text(FLUX / f"{name}.flux")
    test = " or ".join(f'r._field == "{field}"' for field in fields)
    return {"refId": ref, "datasource": INFLUXDB, "query": text.replace("@fields", test)}


def sql(name: str, ref: str = "A", *, is_series: bool = False) -> Json:
    """Return a panel's query of PostgreSQL: the file `sql/dashboards/<name>.sql`."""
    return {
        "refId": ref,
        "datasource": POSTGRES,
        "editorMode": "code",
        "format": "time_series" if is_series else "table",
        "rawQuery": True,
        "rawSql": _text(SQL / f"{name}.sql"),
    }


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip()
