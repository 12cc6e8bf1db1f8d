"""The History dashboard: what PostgreSQL keeps, by the day and the hour, and what was revised."""

from include.dashboards import variables
from include.dashboards.layout import dashboard
from include.dashboards.panels import candlesticks, series, styled, table
from include.dashboards.queries import Json, sql

UID = "history"


def history() -> Json:
    """Return the dashboard."""
    return dashboard(
        UID,
        "History",
        "Candles, indicators and revisions as PostgreSQL keeps them.",
        [
            (10, [_daily()]),
            (10, [_hourly()]),
            (8, [_macd()]),
            (7, [_stored(), _revisions()]),
        ],
        variables=[variables.exchange(), variables.symbol()],
        since="now-7d",
        refresh="1m",
    )


def _daily() -> Json:
    return candlesticks(
        "Days",
        "A candle a UTC day from the exchange's minutes; price in quote, volume in base currency; "
        "the volume-weighted price of the day, computed by pandas-ta.",
        [sql("history.candles", unit="day")],
        unit="none",
    )


def _hourly() -> Json:
    return candlesticks(
        "Hours",
        "A candle an hour from the exchange's minutes, and the volume-weighted price of the UTC "
        "day at its end, computed by pandas-ta.",
        [sql("history.candles", unit="hour")],
        unit="none",
    )


def _macd() -> Json:
    return series(
        "MACD (12, 26, 9)",
        "Of the closed minutes, in quote currency, computed by pandas-ta.",
        [sql("history.indicators")],
        unit="none",
        overrides=[
            styled("macd_hist", {"custom.drawStyle": "bars", "custom.fillOpacity": 60}, "histogram")
        ],
    )


def _stored() -> Json:
    return table(
        "Stored",
        "How many candles of one minute the history has of each market, and of which time.",
        sql("history.stored"),
        unit="none",
        columns={
            "exchange": {},
            "symbol": {},
            "candles": {},
            "trades": {"unit": "short"},
            "revised": {},
        },
    )


def _revisions() -> Json:
    return series(
        "Revisions",
        "Current close of each minute, and the first reported close of revised minutes.",
        [sql("history.revised")],
        unit="none",
        overrides=[
            styled(
                "first_reported",
                {"custom.drawStyle": "points", "custom.showPoints": "always"},
                "first reported",
            )
        ],
    )
