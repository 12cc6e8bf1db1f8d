"""`/healthz` and `/metrics` over HTTP, from a thread of their own: they answer while work hangs."""

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import structlog
from prometheus_client import CONTENT_TYPE_LATEST

from include.errors import Misconfigured
from include.settings import PREFIX
from include.streaming.health.health import Health

REQUEST_TIMEOUT_S = 5.0

logger = structlog.get_logger()


@contextmanager
def serving(health: Health, host: str, port: int) -> Iterator[None]:
    """
    Serve *health* until the end of the `with`; port 0: do not.

    Raises:
        Misconfigured: The port is taken: without its health nobody would know how a service is.
    """
    if not port:
        yield
        return
    try:
        server = _Server((host, port), _handler(health))
    except OSError as e:
        variable = f"{PREFIX}{health.service.upper()}_HEALTH_PORT"
        raise Misconfigured(
            f"{variable}: cannot listen on {host}:{port} ({e.strerror}): "
            "set it to a free port, or to 0 to serve no health"
        ) from None
    thread = threading.Thread(target=server.serve_forever, name="health-endpoint", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # who reads slowly does not keep the service from ending

    def handle_error(self, request: object, client_address: object) -> None:
        logger.warning("health.request_failed", error=repr(sys.exception()))


def _handler(health: Health) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = REQUEST_TIMEOUT_S

        def do_GET(self) -> None:
            if self.path == "/healthz":
                is_ready, body = health.report()
                self._answer(200 if is_ready else 503, "application/json", _json(body))
            elif self.path == "/metrics":
                self._answer(200, CONTENT_TYPE_LATEST, health.metrics.text())
            else:
                self._answer(404, "text/plain", b"expected /healthz or /metrics\n")

        def _answer(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: who asks every few seconds is no news."""

    return Handler


def _json(body: object) -> bytes:
    return json.dumps(body, indent=1, ensure_ascii=False).encode() + b"\n"
