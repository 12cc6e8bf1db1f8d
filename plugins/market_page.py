"""
The market page in Airflow's navigation, and the link to Grafana.

Airflow imports this file in each of its processes: the page is made at its first request, and what
is wrong with it is said there, never to Airflow.
"""

import os
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


def _make() -> "ASGIApp":
    from airflow.api_fastapi.core_api.security import get_user

    from include.errors import PipelineError
    from include.influxdb.reader import Reader
    from include.live.answers import Answers
    from include.live.app import create_app, refusing
    from include.live.evidence import Evidence
    from include.settings import Settings

    try:
        settings = Settings.load()
        answers = Answers(Reader(settings))
    except PipelineError as e:
        return refusing(e, login=[get_user])
    return create_app(answers, Evidence(settings), settings.charts_file, login=[get_user])


class Page:
    """The page as Airflow mounts it; made when somebody opens it."""

    def __init__(self) -> None:
        self._app: ASGIApp | None = None

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        if self._app is None:
            self._app = _make()
        await self._app(scope, receive, send)


def _views() -> list[dict[str, Any]]:
    views = [{"name": "Market", "href": "/market/", "url_route": "market"}]
    if grafana := os.environ.get("GRAFANA_URL"):
        views.append({"name": "Grafana", "href": grafana})
    return [{**view, "destination": "nav", "nav_top_level": True} for view in views]


class MarketPage(AirflowPlugin):
    """A tab with live candles; a link to Grafana, where GRAFANA_URL says there is one."""

    name = "market_page"
    fastapi_apps: ClassVar[list[Any]] = [
        {"name": "market_page", "app": Page(), "url_prefix": "/market"}
    ]
    external_views: ClassVar[list[Any]] = _views()
