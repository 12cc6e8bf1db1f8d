"""The health check of Grafana's container, run by a shell against an API that answers as told."""

import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from include.dashboards.alerts import rules
from include.dashboards.files import dashboards, provisioned
from local.credentials import basic_authorization, create_secrets
from local.grafana_config import prepare_grafana
from local.layout import REPOSITORY, Layout
from local.ports import Ports
from local.provision.files import copies
from local.readiness import grafana_answers

SCRIPT = REPOSITORY / "grafana" / "health.sh"


class Api(BaseHTTPRequestHandler):
    """Grafana's API: its health, and what `server.there` lists to whom has the password."""

    def do_GET(self):
        self.server.requests.append(self.path)
        if self.path == "/api/health":
            self._answer(200 if self.server.is_well else 503, b'{"database": "ok"}')
        elif self.headers.get("Authorization") != self.server.credentials:
            self._answer(401)
        else:
            self._answer(200 if self.path in self.server.there else 404)

    def _answer(self, status: int, body: bytes = b"{}") -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def api() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        server.is_well, server.requests = True, []
        server.there = {"/api/org", *provisioned()}
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def layout(tmp_path: Path, api: ThreadingHTTPServer) -> Layout:
    """The files that the step `files` makes, for a Grafana on the API's port."""
    layout, ports = Layout(tmp_path / "files"), Ports(grafana=api.server_port)
    layout.create()
    create_secrets(layout, ports)
    prepare_grafana(layout, ports)
    password = layout.secret("grafana_admin_password").read_text().strip()
    folder = copies(layout, "grafana")
    folder.mkdir(parents=True)
    (folder / "grafana_admin_password").write_text(password + "\n")
    api.credentials = basic_authorization("admin", password)
    return layout


@pytest.fixture
def script(layout: Layout, api: ThreadingHTTPServer, tmp_path: Path) -> Path:
    """The script, its addresses and folders being those of this test."""
    text = SCRIPT.read_text()
    for there, here in (
        ("http://127.0.0.1:3000", f"http://127.0.0.1:{api.server_port}"),
        ("/var/lib/pipeline", str(layout.root)),
        ("/tmp/provisioning-checked", str(tmp_path / "checked")),
    ):
        assert there in text
        text = text.replace(there, here)
    (tmp_path / "health.sh").write_text(text)
    return tmp_path / "health.sh"


def run(script: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["sh", script], capture_output=True, text=True, timeout=60)


def test_a_grafana_with_all_that_is_provisioned_is_healthy_and_not_asked_twice(script, api):
    assert run(script).returncode == 0
    assert set(api.requests) == {"/api/health", "/api/org", *provisioned()}

    api.requests.clear()

    assert run(script).returncode == 0
    assert api.requests == ["/api/health"]


@pytest.mark.parametrize("path", provisioned())
def test_one_without_a_source_a_dashboard_or_a_rule_is_not(script, layout, api, path):
    api.there.remove(path)

    done = run(script)

    assert done.returncode != 0
    assert "404" in done.stderr
    assert not grafana_answers(layout, Ports(grafana=api.server_port))
    api.there.add(path)
    assert run(script).returncode == 0
    assert grafana_answers(layout, Ports(grafana=api.server_port))


def test_one_that_is_not_well_is_not_healthy_later_either(script, layout, api):
    assert run(script).returncode == 0
    api.is_well = False
    assert run(script).returncode != 0


def test_a_changed_password_is_tried_once(script, layout, api):
    """
    Grafana locks an account after five failed logins.
    """
    api.credentials = "Basic changed"

    assert run(script).returncode == 0
    assert "password was changed" in run_output(script, api)
    assert grafana_answers(layout, Ports(grafana=api.server_port))


def run_output(script: Path, api: ThreadingHTTPServer) -> str:
    """Return what a first check prints; a later one asks for the health alone."""
    api.requests.clear()
    assert run(script).returncode == 0
    assert api.requests == ["/api/health"]
    (script.parent / "checked").unlink()
    return run(script).stdout


def test_no_password_is_in_a_command():
    """
    Other users of a machine can read the arguments of each of its processes.
    """
    text = SCRIPT.read_text()
    assert "--config -" in text
    assert "--user" not in text


def test_all_that_grafana_shows_is_checked():
    paths = provisioned()
    assert {p.rpartition("/")[2] for p in paths} >= {b["uid"] for b in dashboards()} | {
        rule.uid for rule in rules()
    }
    assert len(set(paths)) == len(paths)


def test_the_container_runs_the_script(every_service):
    service = every_service["grafana"]
    assert service["healthcheck"]["test"][-1] == "/opt/pipeline/grafana/health.sh"
    (mount,) = [v for v in service["volumes"] if v["target"] == "/opt/pipeline/grafana"]
    assert Path(mount["source"]) == SCRIPT.parent
    assert mount["read_only"]
