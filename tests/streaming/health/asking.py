"""Ask a service how it is, as anybody would."""

import json
import urllib.error
import urllib.request

from tests.waiting import eventually


def get(port, path):
    """Return the status and the body; None and "" while nobody listens."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as e:
        with e:
            return e.code, e.read().decode()
    except OSError:
        return None, ""


def healthz(port):
    """Return the status and what /healthz says."""
    status, body = get(port, "/healthz")
    return status, json.loads(body) if body else {}


def wait_until_ready(port, timeout_s=60):
    """Return what /healthz says once it says ready."""

    def ready():
        status, body = healthz(port)
        return body if status == 200 else None

    return eventually(ready, lambda: f"ready, found {healthz(port)}", timeout_s=timeout_s)


def wait_until_failing(port, condition, text="", timeout_s=60):
    """Return what /healthz says once *condition* fails for a reason with *text* in it."""

    def failing():
        status, body = healthz(port)
        reason = body.get("conditions", {}).get(condition, {}).get("reason") or ""
        return body if status == 503 and reason and text in reason else None

    return eventually(
        failing, lambda: f"{condition} to fail, found {healthz(port)}", timeout_s=timeout_s
    )


def metrics(port):
    """Return the numbers of /metrics by name and labels, as they stand there."""
    _, text = get(port, "/metrics")
    rows = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in rows}


def wait_for_metric(port, name, enough):
    """Return once *enough* says so of the metric *name*."""
    eventually(lambda: enough(metrics(port).get(name, 0.0)), lambda: f"{name}: {metrics(port)}")
