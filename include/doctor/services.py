"""Producer and consumer: what they say of themselves."""

import json
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any

from include.errors import Misconfigured, Unavailable
from include.settings import PREFIX, Settings

TIMEOUT_S = 5.0
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ready(settings: Settings, service: str, port: int) -> str:
    """
    Return where *service* says that it is ready.

    Raises:
        Unavailable: It says why it is not, or does not answer.
        Misconfigured: Something else has its port.
    """
    url = f"http://{settings.health_host}:{port}/healthz"
    try:
        told = _told(url)
    except OSError as e:
        raise Unavailable(f"{url}: no answer: is it started? (`make status`, its log)") from e
    if told.get("service") != service:
        raise Misconfigured(
            f"{url}: expected the {service}'s health, found another program: end it, or set "
            f"{PREFIX}{service.upper()}_HEALTH_PORT to a free port"
        )
    if reason := told.get("reason"):
        raise Unavailable(f"{url}: not ready: {str(reason)[:300]}")
    return f"ready, says {url}"


def _told(url: str) -> dict[str, Any]:
    """Return what is told there, ready or not; nothing if that is not what a service tells."""
    try:
        with NO_PROXY.open(url, timeout=TIMEOUT_S) as answer:
            body = answer.read()
    except urllib.error.HTTPError as e:
        body = e.read()
    except HTTPException:
        return {}
    try:
        told = json.loads(body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
