"""The consumer on real Kafka and InfluxDB: every tick a point, whatever happens to it."""

import threading
from dataclasses import replace

from include import wire
from include.broker.records import Outgoing
from include.broker.writer import AcknowledgedWriter, TransactionalWriter
from include.errors import Misconfigured, Unavailable
from include.kpis.ticker import measure
from include.streaming.consumer import consume
from tests.kpis.test_ticker import TICK

START_MS = 1_762_300_800_000


def ticks(count, start=0, symbol="BTC/USDT"):
    return [
        replace(TICK, symbol=symbol, event_ts_ms=START_MS + i * 5_000, close=60_000.0 + i / 3)
        for i in range(start, start + count)
    ]


def publish(settings, events, value=wire.encode):
    writer = TransactionalWriter(settings, "test")
    records = [
        Outgoing(settings.topic_market, f"{e.exchange}:{e.symbol}".encode(), value(e))
        for e in events
    ]
    for i in range(0, len(records), 50):
        writer.write(records[i : i + 50])
    writer.close()


class Consuming:
    """The consumer in a thread, stopped and joined at the end."""

    def __init__(self, settings):
        self.settings = settings
        self.stopping = threading.Event()
        self.failure = None
        self.thread = threading.Thread(target=self.run)

    def run(self):
        try:
            consume(self.settings, self.stopping)
        except (Misconfigured, Unavailable) as e:
            self.failure = e

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join(20)
        assert not self.thread.is_alive()


def test_every_tick_is_a_point_with_every_value(settings, bucket):
    sent = ticks(120) + ticks(80, symbol="ETH/USDT")
    publish(settings, sent)

    with Consuming(settings):
        bucket.wait_for(200)

    stored = bucket.points()
    for tick in sent:
        expected = {k: v for k, v in measure(tick).items() if v is not None}
        assert stored[(tick.symbol, tick.event_ts_ms)] == expected


def test_a_restart_neither_loses_nor_doubles(settings, bucket):
    publish(settings, ticks(100))
    with Consuming(settings):
        bucket.wait_for(100)
    publish(settings, ticks(100, start=100))

    with Consuming(settings):
        bucket.wait_for(200)

    assert len(bucket.points()) == 200


def test_the_seeds_query_runs_unchanged(settings, bucket):
    """
    The dashboard of the project this one grew from shows what it says.
    """
    publish(settings, ticks(3))
    with Consuming(settings):
        bucket.wait_for(3)

    rows = bucket.query(
        f'from(bucket: "{settings.influx_bucket}") |> range(start: 2025-11-01T00:00:00Z)'
        ' |> filter(fn: (r) => r["_measurement"] == "crypto_prices")'
        ' |> filter(fn: (r) => r["_field"] == "price_change_pct" or r["_field"] == "open"'
        ' or r["_field"] == "low" or r["_field"] == "high" or r["_field"] == "close")'
        ' |> filter(fn: (r) => r["symbol"] == "BTC/USDT")'
        ' |> aggregateWindow(every: 5s, fn: mean, createEmpty: false) |> yield(name: "mean")'
    )

    assert {row["_field"] for row in rows} == {"price_change_pct", "open", "low", "high", "close"}
    assert len(rows) == 15


def test_what_cannot_be_read_is_parked_and_the_rest_goes_on(settings, bucket):
    publish(settings, ticks(2))
    writer = AcknowledgedWriter(settings, "test-poison")
    poison = [b"not json", b"[" * 100_000, b'{"v":1,"type":"tick"}', b"\xff", None]
    writer.write([Outgoing(settings.topic_market, b"binance:BTC/USDT", v) for v in poison])
    writer.close()
    publish(settings, ticks(2, start=2))

    with Consuming(settings):
        bucket.wait_for(4)

    letters = bucket.dead_letters()
    assert len(letters) == len(poison)
    assert all(letter["reason"].startswith("expected ") for letter in letters)
    assert {letter["topic"] for letter in letters} == {settings.topic_market}


def test_a_wrong_token_ends_it_with_one_line(settings, tmp_path):
    wrong = tmp_path / "token"
    wrong.write_text("not-the-token")
    publish(settings, ticks(1))

    with Consuming(settings.model_copy(update={"influx_token_file": wrong})) as consuming:
        consuming.thread.join(30)

    assert isinstance(consuming.failure, Misconfigured)
    assert "answered 401" in str(consuming.failure)
    assert "not-the-token" not in str(consuming.failure)
