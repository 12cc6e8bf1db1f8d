"""The health check of Airflow's containers, on answers as an API server gives them."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from local.layout import REPOSITORY
from local.readiness import AIRFLOW_PARTS

ANSWER = {
    "metadatabase": {"status": "healthy"},
    "scheduler": {"status": "unhealthy", "latest_scheduler_heartbeat": None},
    "triggerer": {"status": None},
}


class ApiServer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/api/v2/monitor/health" else 404)
        self.end_headers()
        self.wfile.write(json.dumps(ANSWER).encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def address() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), ApiServer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def check(part, address):
    command = [sys.executable, "-m", "local.airflow_health", part, address]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize(
    ("part", "code"),
    [("metadatabase", 0), ("scheduler", 1), ("triggerer", 1), ("dag_processor", 1)],
)
def test_only_a_healthy_part_passes(address, part, code):
    assert check(part, address).returncode == code


def test_no_answer_is_not_healthy():
    done = check("scheduler", "http://127.0.0.1:9")
    assert (done.returncode, done.stderr) == (1, "")
    assert "refused" in done.stdout


def test_the_containers_check_parts_that_airflow_knows(every_service):
    tests = [service.get("healthcheck", {}).get("test", []) for service in every_service.values()]
    parts = {test[4] for test in tests if "local.airflow_health" in test}
    assert parts == set(AIRFLOW_PARTS)
