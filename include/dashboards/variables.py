"""The variables of dashboards: what a user chooses at the top."""

from include.dashboards.queries import INFLUXDB, Json, flux

INTERVALS = ("1m", "5m", "15m", "1h")


def exchange() -> Json:
    return _of_query("exchange", "Exchange", "variables.exchanges")


def symbol() -> Json:
    """Return the choice of a symbol of the chosen exchange."""
    return _of_query("symbol", "Symbol", "variables.symbols")


def interval() -> Json:
    """Return the choice of a candle's width."""
    options = [{"text": i, "value": i, "selected": i == INTERVALS[0]} for i in INTERVALS]
    return {
        "type": "custom",
        "name": "interval",
        "label": "Interval",
        "query": ",".join(INTERVALS),
        "options": options,
        "current": options[0],
    }


def _of_query(name: str, label: str, query: str) -> Json:
    return {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": INFLUXDB,
        "query": flux(query)["query"],
        "refresh": 2,  # when the time range changes
        "sort": 1,
        "includeAll": False,
        "multi": False,
    }
