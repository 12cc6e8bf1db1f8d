"""Producer and consumer: what they say of themselves."""

import json
import urllib.error
import urllib.request

from include.errors import Unavailable
from include.settings import Settings

TIMEOUT_S = 5.0
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ready(settings: Settings, port: int) -> str:
    """
    Return where a service says that it is ready.

    Raises:
        Unavailable: It says why it is not, or does not answer.
    """
    url = f"http://{settings.health_host}:{port}/healthz"
    try:
        with NO_PROXY.open(url, timeout=TIMEOUT_S):
            return f"ready, says {url}"
    except urllib.error.HTTPError as e:
        raise Unavailable(f"{url}: not ready: {_reason(e.read())}") from e
    except OSError as e:
        raise Unavailable(f"{url}: no answer: is it started? (`make status`, its log)") from e


def _reason(body: bytes) -> str:
    try:
        return str(json.loads(body)["reason"])[:300]
    except (ValueError, LookupError, TypeError):
        return "it does not say why"
