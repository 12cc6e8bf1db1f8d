"""A line's own secrets as canaries: random, of that line only, in use by all of it."""

import time
import urllib.error
import urllib.request
from collections.abc import Mapping

from local.line import Line

ANSWER_S = 60


def secrets(line: Line) -> dict[str, bytes]:
    """Return what must not be seen, by file; of a pgpass line only the password."""
    found = {}
    for file in line.layout.secrets.iterdir():
        text = file.read_text().strip()
        secret = text.split('"')[-2] if file.suffix == ".json" else text.rsplit(":", 1)[-1]
        assert len(secret) > 15
        found[file.name] = secret.encode()
    return found


def seen(hidden: Mapping[str, bytes], places: Mapping[str, bytes]) -> set[str]:
    """Return which secret is in which place."""
    return {
        f"{name} in {place}"
        for place, content in places.items()
        for name, secret in hidden.items()
        if secret in content
    }


def page(url: str) -> bytes:
    """Return what is served to whoever has no key, be it an error, once somebody answers."""
    give_up_s = time.monotonic() + ANSWER_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return answer.read()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.read()
        except OSError:
            assert time.monotonic() < give_up_s, f"{url} does not answer"
            time.sleep(0.5)
