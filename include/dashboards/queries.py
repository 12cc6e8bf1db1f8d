"""Queries of panels and alerts, as Grafana's data sources expect them."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from include.influxdb.queries import flux_text
from include.named_statements import named_statement

type Json = dict[str, Any]

INFLUXDB = {"type": "influxdb", "uid": "influxdb"}
POSTGRES = {"type": "postgres", "uid": "postgres"}
AIRFLOW = {"type": "postgres", "uid": "airflow"}
EXPRESSION = {"type": "__expr__", "uid": "__expr__"}

# Grafana's expressions for the names that a query of flux/ leaves open.
GRAFANA_VALUES = {
    "bucket": "v.defaultBucket",
    "start": "v.timeRangeStart",
    "stop": "v.timeRangeStop",
    "window": "v.windowPeriod",
    "exchange": '"${exchange}"',
    "symbol": '"${symbol}"',
    "interval": "${interval}",
}

SQL = Path(__file__).parents[2] / "sql" / "dashboards"


def flux(name: str, ref: str = "A", *, fields: Sequence[str] = ()) -> Json:
    """Return a panel's query of InfluxDB: `market.age` is `age` of `flux/market.flux`."""
    text = flux_text(name, fields=fields)
    lines = text.splitlines()
    imports = [line for line in lines if line.startswith("import ")]
    rest = [line for line in lines if line not in imports]
    used = [f"{name} = {value}" for name, value in GRAFANA_VALUES.items() if _uses(text, name)]
    query = "\n".join([*imports, *used, "", *rest]).strip()
    return {"refId": ref, "datasource": INFLUXDB, "query": query}


def _uses(text: str, name: str) -> bool:
    """Return whether *name* stands there by itself: no column, no label, nor in text or comment."""
    code = re.sub(r"//.*", "", text)
    return re.search(rf'(?<![\w."]){name}(?![\w":])', code) is not None


def sql(
    name: str,
    ref: str = "A",
    *,
    source: Json = POSTGRES,
    unit: str = "",
    is_series: bool = False,
) -> Json:
    """
    Return a panel's query of PostgreSQL: `quality.gaps` is `gaps` of `sql/dashboards/quality.sql`.

    Where it says @unit stands *unit*, a word that PostgreSQL's date_trunc knows. A series has the
    columns time, metric (its name) and a number.
    """
    return {
        "refId": ref,
        "datasource": source,
        "editorMode": "code",
        "format": "time_series" if is_series else "table",
        "rawQuery": True,
        "rawSql": named_statement(SQL, name, ".sql", "--").replace("@unit", unit),
    }
