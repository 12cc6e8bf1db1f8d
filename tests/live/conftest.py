"""The market page served over HTTP, on real stores, to a visitor who is logged in or is not."""

import threading

import pytest
import uvicorn
from fastapi import HTTPException, Request

from include.influxdb.reader import Reader
from include.live.answers import Answers
from include.live.app import create_app
from include.live.evidence import Evidence
from local.ports import LOOPBACK
from tests.dashboards.conftest import airflow_runs, airflow_tables, filled, stores
from tests.waiting import eventually

__all__ = ["airflow_runs", "airflow_tables", "filled", "page", "served", "stores"]

LOGIN = "login"


def logged_in(request: Request):
    """Stand for Airflow's own guard, which tests/dags runs."""
    if request.cookies.get(LOGIN) != "yes":
        raise HTTPException(401, "Not authenticated")


@pytest.fixture
def served(toolchain, free_ports):
    """Return a function that serves the page of some settings' stores and tells its address."""
    running = []

    def serve(settings):
        port = free_ports.take()
        answers = Answers(Reader(settings))
        app = create_app(answers, Evidence(settings), toolchain.charts, login=[logged_in])
        server = uvicorn.Server(uvicorn.Config(app, host=LOOPBACK, port=port, log_level="error"))
        thread = threading.Thread(target=server.run)
        running.append((server, thread))
        thread.start()

        def started():
            assert thread.is_alive()
            return server.started

        eventually(started, "the page's server", timeout_s=20)
        return f"http://{LOOPBACK}:{port}"

    yield serve
    for server, thread in running:
        server.should_exit = True
        thread.join()


@pytest.fixture
def page(served, settings):
    """The address of the page of the test's stores."""
    return served(settings)
