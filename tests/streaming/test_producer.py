"""The producer on real Kafka and the simulated exchange resumes, and loses nothing if killed."""

import asyncio
import contextlib
import subprocess
import sys

import pytest

from include import wire
from include.broker.log_reader import LogReader
from include.errors import Misconfigured
from include.kpis.records import Candle, MarketKey, MarketSnapshot, Trades
from include.streaming.producer import produce
from include.streaming.publishing import load_progress
from tests.exchange.conftest import NOON_MS, opened

BTC = MarketKey("binance", "BTC/USDT")


def events(settings):
    """Read `crypto.market` to its end, decoded, in order within each market."""
    found = []
    with LogReader(settings, settings.topic_market) as reader:
        ends = reader.ends()
        reader.seek(reader.beginnings())
        while any(reader.positions()[p] < end for p, end in ends.items()):
            found += [wire.decode(r.value) for r in reader.poll(5_000, timeout_s=1.0)]
    return found


def trade_ids(found, symbol):
    batches = [e for e in found if isinstance(e, Trades) and e.symbol == symbol]
    return [t.trade_id for batch in batches for t in batch.trades]


async def run_until(settings, enough):
    """Run the producer until *enough* returns True for the events that Kafka has."""
    task = asyncio.create_task(produce(settings))
    try:
        async with asyncio.timeout(60):
            while not enough(await asyncio.to_thread(events, settings)):
                if task.done():
                    break
                await asyncio.sleep(0.2)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_publishes_history_trades_and_snapshots_of_each_market(settings):
    async with opened() as exchange:
        chosen = settings.model_copy(
            update={"exchange_url": exchange.url, "poll_interval_s": 0.2, "history_bars": 50}
        )

        await run_until(
            chosen, lambda found: sum(isinstance(e, MarketSnapshot) for e in found) == 2
        )
        found = events(chosen)

    for symbol in ("BTC/USDT", "ETH/USDT"):
        candles = [e for e in found if isinstance(e, Candle) and e.symbol == symbol]
        assert len(candles) == 50
        assert any(isinstance(e, MarketSnapshot) and e.symbol == symbol for e in found)
        assert trade_ids(found, symbol)


async def test_resumes_from_the_progress_in_kafka(settings):
    """
    A second producer publishes the rest, no trade and no candle twice.
    """
    async with opened() as exchange:
        chosen = settings.model_copy(
            update={"exchange_url": exchange.url, "poll_interval_s": 0.2, "history_bars": 50}
        )
        await run_until(chosen, lambda found: any(isinstance(e, MarketSnapshot) for e in found))
        exchange.clock.ms += 30 * 60_000

        await run_until(
            chosen,
            lambda found: any(isinstance(e, MarketSnapshot) and e.event_ts_ms >= exchange.clock.ms
                              for e in found if e.symbol == "BTC/USDT"),
        )  # fmt: skip
        found = events(chosen)
        known = load_progress(chosen, chosen.markets)[BTC]

    ids = trade_ids(found, "BTC/USDT")
    opens = [e.open_ts_ms for e in found if isinstance(e, Candle) and e.symbol == "BTC/USDT"]
    assert ids == list(range(ids[0], ids[-1] + 1))
    assert opens == list(range(opens[0], opens[-1] + 1, 60_000))
    assert known.last_trade_id == ids[-1]
    assert known.last_candle_open_ms == opens[-1]


@pytest.mark.fault(1)
async def test_survives_sigkill_in_the_middle_of_sending(settings, pipeline_environment, tmp_path):
    """
    Row 1 of the faults, the short version: the producer is killed repeatedly while it catches up.
    Every trade is in Kafka once.
    """
    async with opened() as exchange:
        chosen = settings.model_copy(
            update={"exchange_url": exchange.url, "poll_interval_s": 0.1, "history_bars": 400}
        )
        await run_until(chosen, lambda found: any(isinstance(e, MarketSnapshot) for e in found))
        exchange.clock.ms += 12 * 3_600_000
        changed = {
            "PIPELINE_EXCHANGE_URL": exchange.url,
            "PIPELINE_POLL_INTERVAL_S": "0.1",
            "PIPELINE_HISTORY_BARS": "400",
        }
        for after_s in (2.0, 2.4, 2.8, 3.2):
            environment = pipeline_environment | changed
            await asyncio.to_thread(killed_producer, environment, tmp_path, after_s)
        await run_until(
            chosen,
            lambda found: all(any(isinstance(e, MarketSnapshot)
                                  and e.event_ts_ms >= exchange.clock.ms
                                  for e in found if e.symbol == m.symbol) for m in chosen.markets),
        )  # fmt: skip
        found = events(chosen)

    for market in chosen.markets:
        ids = trade_ids(found, market.symbol)
        assert len(ids) > 30_000
        assert ids == list(range(ids[0], ids[-1] + 1))


def killed_producer(environment, folder, after_s):
    with (folder / "producer.log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "include.streaming.producer"],
            env=environment,
            stdout=log,
            stderr=log,
        )
    with contextlib.suppress(subprocess.TimeoutExpired):
        raise AssertionError(f"the producer ended by itself: {process.wait(after_s)}")
    process.kill()
    process.wait(10)


async def test_a_wrong_symbol_ends_it_with_one_line_of_error(settings):
    async with opened() as exchange:
        wrong = (BTC, MarketKey("binance", "ETH/USTD"))
        chosen = settings.model_copy(update={"exchange_url": exchange.url, "markets": wrong})

        with pytest.raises(Misconfigured, match=r"did you mean ETH/USDT\?"):
            await produce(chosen)


@contextlib.asynccontextmanager
async def running_clock(exchange, times=20):
    """Let the exchange's clock run at *times* the speed of time while the context lasts."""

    async def advance():
        while True:
            await asyncio.sleep(0.02)
            exchange.clock.ms += 20 * times

    task = asyncio.create_task(advance())
    try:
        yield
    finally:
        task.cancel()


def has_trades_until(settings, exchange, more_ms):
    """Return a test of events: whether each market has trades *more_ms* after now."""
    until_ms = exchange.clock.ms + more_ms

    def enough(found):
        return all(
            any(isinstance(e, Trades) and e.symbol == m.symbol and e.trades[-1].ts_ms > until_ms
                for e in found)
            for m in settings.markets
        )  # fmt: skip

    return enough


async def connected(exchange, times=1):
    """Return once the stream has been requested *times* times."""
    while True:
        if [path for _, path, _ in await exchange.requests()].count("/stream") >= times:
            return
        await asyncio.sleep(0.05)


@pytest.mark.fault(24)
async def test_a_broken_stream_leaves_no_gap_in_kafka(settings):
    """
    Trades that the stream loses come from history, in order, with candles after their trades.
    """
    faults = (
        {"stream": "", "action": "drop", "times": 5},
        {"stream": "", "action": "swap", "times": 5},
        {"stream": "", "action": "duplicate", "times": 5},
        {"stream": "", "action": "close", "times": 1},
    )
    async with opened() as exchange, running_clock(exchange):
        chosen = settings.model_copy(
            update={"exchange_url": exchange.url, "poll_interval_s": 0.2, "history_bars": 5}
        )
        task = asyncio.create_task(run_until(chosen, has_trades_until(chosen, exchange, 150_000)))
        async with asyncio.timeout(30):
            await connected(exchange)
        await exchange.fault(*faults)
        await task
        found = events(chosen)

    for market in chosen.markets:
        ids = trade_ids(found, market.symbol)
        assert ids == list(range(ids[0], ids[-1] + 1))
    check_candles_follow_their_trades(found)
    assert any(isinstance(e, Candle) and e.open_ts_ms >= NOON_MS for e in found)


def check_candles_follow_their_trades(found):
    closed = {}
    for event in found:
        if isinstance(event, Trades):
            open_ts_ms = event.trades[0].ts_ms // 60_000 * 60_000
            assert open_ts_ms > closed.get(event.symbol, 0), (
                "a trade comes after the candle of its minute"
            )
        elif isinstance(event, Candle):
            closed[event.symbol] = event.open_ts_ms
