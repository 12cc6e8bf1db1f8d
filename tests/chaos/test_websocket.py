"""The trades' WebSocket silent, closed, without pong, or telling it wrong: filled from history."""

import json
import urllib.request

import pytest

from tests.chaos.servers import eventually

GOING_AWAY, ABNORMAL = 1001, 1006


@pytest.mark.fault(24)
@pytest.mark.parametrize(
    "rules",
    [
        pytest.param([{"action": "close", "code": ABNORMAL, "times": 2}], id="closed 1006"),
        pytest.param(
            [{"action": "silence", "times": 2}], id="open but silent", marks=pytest.mark.slow
        ),
        pytest.param(
            [{"action": "close", "code": GOING_AWAY, "times": 2}],
            id="at its 24 h limit",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            [{"action": "ignore_pings", "times": 1}], id="ping unanswered", marks=pytest.mark.slow
        ),
        pytest.param(
            [
                {"action": action, "times": 3}
                for action in ("drop", "duplicate", "swap")
            ],
            id="dropped, doubled, swapped",
            marks=pytest.mark.slow,
        ),
    ],
)  # fmt: skip
def test_is_found_out_and_filled_by_id(rules, pipeline, story):
    pipeline.start("consumer")
    pipeline.start("producer")
    pipeline.await_stored()
    told = [{"stream": "", **rule} for rule in rules]
    send_faults(pipeline.exchange.url, told)
    eventually(lambda: not remaining_faults(pipeline.exchange.url), "the faults to strike")
    verdict = pipeline.settle()
    postgres = pipeline.stores_postgres()
    gaps = postgres.count("gaps")
    postgres.close()

    story.injected(json.dumps(rules))
    story.found(f"{verdict}; {gaps} gaps recorded")
    assert verdict.is_clean, verdict
    assert gaps == 0


def send_faults(url: str, rules: list[dict]) -> None:
    request = urllib.request.Request(f"{url}/_control/faults", json.dumps(rules).encode())
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200


def remaining_faults(url: str) -> list[dict]:
    with urllib.request.urlopen(f"{url}/_control/faults", timeout=30) as answer:
        return json.load(answer)
