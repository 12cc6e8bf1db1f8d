"""InfluxDB busy, slow, refusing a line, refusing us: waited for, bisected, told; never dropped."""

import re
from itertools import pairwise

import pytest

from tests.chaos.influxdb_proxy import InfluxProxy, Rule
from tests.chaos.servers import eventually
from tests.streaming.consuming import offsets_saved

MARKET_DATA = re.compile("crypto_")
RETRY_AFTER_S = 4
MB = 2**20
MOST_GROWTH_MB = 60


@pytest.fixture
def proxy(settings):
    proxy = InfluxProxy(settings.influx_url)
    yield proxy
    proxy.close()


@pytest.fixture
def proxied(pipeline, proxy):
    """A pipeline whose consumer writes through the proxy, running."""
    pipeline.told |= {"INFLUX_URL": proxy.url, "INFLUX_TIMEOUT_S": "2"}
    pipeline.start("consumer")
    pipeline.start("producer")
    pipeline.await_stored()
    return pipeline


@pytest.mark.fault(13)
@pytest.mark.parametrize(
    "status",
    [
        pytest.param(503, id="503"),
        pytest.param(500, id="500", marks=pytest.mark.slow),
    ],
)
def test_away_for_some_writes(status, proxy, proxied, story):
    """
    Nothing is committed while InfluxDB has not got it.
    """
    memory = proxied.running("consumer").memory_info
    before = memory().rss
    proxy.rules = [Rule(status, MARKET_DATA)]
    eventually(lambda: proxy.answered(status) >= 1, f"a {status}")
    saved = offsets_saved(proxied.settings)
    eventually(lambda: proxy.answered(status) >= 4, f"four {status}")
    unmoved = offsets_saved(proxied.settings)
    grown_mb = (memory().rss - before) / MB
    proxy.rules = []
    verdict = proxied.settle()

    story.injected(f"{proxy.answered(status)} times {status}")
    story.found(f"{verdict}; checkpoints stood still, memory grew by {grown_mb:.0f} MB")
    assert unmoved == saved
    assert grown_mb < MOST_GROWTH_MB
    assert verdict.is_clean, verdict


@pytest.mark.fault(13)
def test_busy_and_telling_when_to_come_back(proxy, proxied, story):
    busy = Rule(429, MARKET_DATA, {"Retry-After": str(RETRY_AFTER_S)}, times=2)
    proxy.rules = [busy]
    eventually(lambda: busy.times == 0, "two 429")
    verdict = proxied.settle()

    # health is written by a thread of its own
    writes = [write for write in proxy.writes if MARKET_DATA.match(write.measurement)]
    waits = [after.at_s - w.at_s for w, after in pairwise(writes) if w.status == 429]
    story.injected(f"two times 429 with Retry-After: {RETRY_AFTER_S}")
    story.found(f"{verdict}; came back after {', '.join(f'{s:.1f} s' for s in waits)}")
    assert min(waits) >= RETRY_AFTER_S
    assert verdict.is_clean, verdict


@pytest.mark.fault(13)
@pytest.mark.slow
@pytest.mark.parametrize("written", [False, True], ids=["lost", "answer lost"])
def test_no_answer_in_time(written, proxy, proxied, story):
    """
    The consumer waits for 2 s. What it gave up on is in InfluxDB all the same, or is not.
    """
    late = Rule(None if written else 503, delay_s=3.0, times=3)
    proxy.rules = [late]
    eventually(lambda: late.times == 0, "three writes without an answer")
    verdict = proxied.settle()

    story.injected(f"three times no answer within the time-out, {'' if written else 'not '}written")
    story.found(str(verdict))
    assert verdict.is_clean, verdict


@pytest.mark.fault(13)
@pytest.mark.slow
def test_slow(proxy, proxied, story):
    slow = Rule(delay_s=1.0, times=6)
    proxy.rules = [slow]
    eventually(lambda: slow.times == 0, "six slow writes")
    verdict = proxied.settle()

    story.injected("six writes that take a second each")
    story.found(str(verdict))
    assert verdict.is_clean, verdict


@pytest.mark.fault(14)
@pytest.mark.parametrize("status", [400, pytest.param(422, marks=pytest.mark.slow)])
def test_one_line_of_a_batch_refused(status, pipeline, proxy, bucket, story):
    """
    A candle of the history, in the midst of the first batch.
    """
    open_ts_ms = pipeline.exchange.now_ms() // 60_000 * 60_000 - 20 * 60_000
    line = re.compile(rf"^crypto_candles,.*symbol=ETH/USDT.* {open_ts_ms}$", re.MULTILINE)
    proxy.rules = [Rule(status, line)]
    pipeline.told["INFLUX_URL"] = proxy.url
    pipeline.start("consumer")
    pipeline.start("producer")
    verdict = pipeline.settle()
    letters = bucket.dead_letters()

    story.injected(f"{status} for whatever batch has the candle of {open_ts_ms}")
    story.found(f"{verdict}; dead letters: {[letter['reason'] for letter in letters]}")
    assert verdict.missing == [f"ETH/USDT crypto_candles {open_ts_ms}"]
    assert (verdict.extra, verdict.wrong) == ([], [])
    assert len(letters) == 1
    assert f"answered {status}" in letters[0]["reason"]


@pytest.mark.fault(15)
@pytest.mark.parametrize("status", [401, pytest.param(404, marks=pytest.mark.slow)])
def test_refuses_us_in_the_midst_of_things(status, proxy, proxied, story):
    """
    Loudly out, with the exit code that nobody restarts; set right, it goes on where it was.
    """
    proxy.rules = [Rule(status)]
    code = proxied.ended("consumer")
    said = proxied.said("consumer").splitlines()[-1]
    proxy.rules = []
    proxied.start("consumer")
    verdict = proxied.settle()

    story.injected(f"{status} from one moment on")
    story.found(f"exit code {code}, {said!r}; set right and started: {verdict}")
    assert code == 2
    assert f"answered {status}" in said
    assert "PIPELINE_INFLUX_TOKEN_FILE" in said
    assert verdict.is_clean, verdict
