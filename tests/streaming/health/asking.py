"""Ask a service how it is, as anybody would."""

import json
import time
import urllib.error
import urllib.request


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
    give_up_s = time.monotonic() + timeout_s
    while (found := healthz(port))[0] != 200:
        assert time.monotonic() < give_up_s, f"expected ready, found {found}"
        time.sleep(0.05)
    return found[1]


def wait_until_failing(port, condition, text="", timeout_s=60):
    """Return what /healthz says once *condition* fails for a reason with *text* in it."""
    give_up_s = time.monotonic() + timeout_s
    while True:
        status, body = healthz(port)
        reason = body.get("conditions", {}).get(condition, {}).get("reason") or ""
        if status == 503 and reason and text in reason:
            return body
        assert time.monotonic() < give_up_s, f"expected {condition} to fail, found {body}"
        time.sleep(0.05)


def metrics(port):
    """Return the numbers of /metrics by name and labels, as they stand there."""
    _, text = get(port, "/metrics")
    rows = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in rows}


def wait_for_metric(port, name, enough, timeout_s=60):
    give_up_s = time.monotonic() + timeout_s
    while not enough(found := metrics(port).get(name, 0.0)):
        assert time.monotonic() < give_up_s, f"{name}: found {found}"
        time.sleep(0.05)
    return found
