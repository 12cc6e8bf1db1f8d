"""What Grafana does to a query before it sends it: variables and macros, put in."""

import re
from datetime import UTC, datetime, timedelta

VARIABLES = {"exchange": "binance", "symbol": "BTC/USDT", "interval": "1m"}
WINDOW_PERIOD = "10s"


def flux(query, bucket, since=timedelta(hours=3), **variables):
    """Return the Flux that InfluxDB gets; the range ends now."""
    query = _with_variables(query, variables)
    now = datetime.now(UTC)
    option = (
        f"option v = {{timeRangeStart: {(now - since).isoformat()}, "
        f"timeRangeStop: {now.isoformat()}, windowPeriod: {WINDOW_PERIOD}, "
        f'defaultBucket: "{bucket}"}}'
    )
    lines = query.splitlines()
    imports = [line for line in lines if line.startswith("import ")]
    return "\n".join([*imports, option, *(line for line in lines if line not in imports)])


def sql(query, since=timedelta(hours=3), **variables):
    """Return the SQL that PostgreSQL gets."""
    query = _with_variables(query, variables)
    now = datetime.now(UTC)
    start, end = f"'{(now - since).isoformat()}'::timestamptz", f"'{now.isoformat()}'::timestamptz"
    query = query.replace("$__timeFrom()", start).replace("$__timeTo()", end)
    query = re.sub(r"\$__timeFilter\(([^)]+)\)", rf"\1 BETWEEN {start} AND {end}", query)
    assert "$__" not in query, query
    return query


def _with_variables(query, variables):
    for name, value in (VARIABLES | variables).items():
        query = query.replace(f"${{{name}}}", value)
        quoted = value.replace("'", "''")
        query = query.replace(f"${{{name}:sqlstring}}", f"'{quoted}'")
    assert "${" not in query, query
    return query
