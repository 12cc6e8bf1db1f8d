"""
The producer: publish all configured markets from their exchanges to the topic `crypto.market`.

`python -m include.streaming.producer` runs until SIGTERM and exits with 0. With a wrong setting it
exits with 2. While an exchange or Kafka is unreachable it retries, and `/healthz` reports that.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial

import structlog

from include import log, retry
from include.broker.writer import TransactionalWriter
from include.errors import Misconfigured, Unavailable
from include.exchange.binance import Binance
from include.exchange.registry import open_exchange
from include.kpis.records import MarketKey, Trades
from include.settings import Settings
from include.streaming import service
from include.streaming.health.producer import ProducerHealth, TimedWriter
from include.streaming.health.services import producer_health
from include.streaming.health.source import ObservedSource
from include.streaming.market_feed import FeedBatch, MarketFeed
from include.streaming.poll_loop import PollLoop, PollSchedule
from include.streaming.publishing import TransactionBatcher, load_progress
from include.streaming.subscription import Subscription
from include.streaming.trade_feed import TradeBuffer
from include.wire import type_of

TRANSACTIONAL_ID = "crypto-kpi-producer"
REPORT_INTERVAL_S = 30.0

logger = structlog.get_logger()


async def produce(settings: Settings) -> None:
    """
    Publish until cancelled. Retry while an exchange or Kafka is unreachable.

    Raises:
        Misconfigured: A market does not exist, a topic is missing, or the health endpoint's port
            is in use. Nothing was published.
    """
    exchanges = {
        name: open_exchange(name, settings)
        for name in dict.fromkeys(market.exchange for market in settings.markets)
    }
    try:
        with producer_health(settings) as health:
            await _connect(exchanges, settings, health)
            report = _report("kafka.unavailable", health.session_failed)
            async for attempt in retry.retry_until_available(report):
                with attempt:
                    await _publish(exchanges, settings, health)
    finally:
        for exchange in exchanges.values():
            await exchange.close()


async def _connect(
    exchanges: Mapping[str, Binance], settings: Settings, health: ProducerHealth
) -> None:
    for name, exchange in exchanges.items():
        symbols = [market.symbol for market in settings.markets if market.exchange == name]
        report = _report("exchange.unavailable", partial(health.refused, name))
        async for attempt in retry.retry_until_available(report):
            with attempt:
                await exchange.connect(symbols)
        health.connected(name)
        logger.info("exchange.connected", exchange=name, symbols=symbols)


async def _publish(
    exchanges: Mapping[str, Binance], settings: Settings, health: ProducerHealth
) -> None:
    """
    Publish all markets from the progress that Kafka has.

    Raises:
        Unavailable: Kafka is unreachable. Call again.
    """
    writer = await asyncio.to_thread(TransactionalWriter, settings, TRANSACTIONAL_ID)
    try:
        progress = await asyncio.to_thread(load_progress, settings, settings.markets)
        counts: Counter[str] = Counter()

        def record(batches: list[FeedBatch]) -> None:
            _count(counts, batches)
            health.published(batches)

        batcher = TransactionBatcher(settings, TimedWriter(writer, health), on_published=record)
        health.session_began(lambda: batcher.waiting_count)
        logger.info("producer.resumed", **{str(m): repr(p) for m, p in progress.items()})
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(batcher.run())
                group.create_task(_log_counts(counts))
                buffers = _subscribe(exchanges, settings, health, group)
                for market, known in progress.items():
                    feed = MarketFeed(
                        ObservedSource(exchanges[market.exchange], health),
                        market,
                        known,
                        history_bars=settings.history_bars,
                        buffer=buffers.get(market),
                    )
                    group.create_task(_follow(feed, market, batcher, settings, health))
        except* Unavailable as failures:
            raise service.get_first(failures) from failures
    finally:
        await asyncio.to_thread(writer.close)


def _subscribe(
    exchanges: Mapping[str, Binance],
    settings: Settings,
    health: ProducerHealth,
    group: asyncio.TaskGroup,
) -> dict[MarketKey, TradeBuffer]:
    """Keep a trade stream of each exchange while *group* runs. Return the markets' buffers."""
    buffers: dict[MarketKey, TradeBuffer] = {}
    for name, exchange in exchanges.items() if settings.trades_stream else ():
        symbols = [market.symbol for market in settings.markets if market.exchange == name]
        stream = f"{name}_stream"
        subscription = Subscription(
            exchange.trade_stream(symbols),
            symbols,
            report=_report(
                "stream.unavailable", partial(_count_retry, health, stream), exchange=name
            ),
            on_lost=partial(health.reconnected, stream),
            on_dropped=partial(health.stream_dropped, name),
        )
        buffers |= {MarketKey(name, symbol): b for symbol, b in subscription.buffers.items()}
        group.create_task(subscription.run())
    return buffers


def _count_retry(health: ProducerHealth, dependency: str, failure: Unavailable) -> None:
    health.retried(dependency)


async def _follow(
    feed: MarketFeed,
    market: MarketKey,
    batcher: TransactionBatcher,
    settings: Settings,
    health: ProducerHealth,
) -> None:
    """Publish one market until cancelled, or until the exchange rejects it for good."""
    record_failure = partial(health.market_refused, market)
    loop = PollLoop(feed, batcher.put, PollSchedule(settings.poll_interval_s))
    try:
        while True:
            report = _report("exchange.unavailable", record_failure, market=str(market))
            async for attempt in retry.retry_until_available(report):
                with attempt:
                    await loop.poll()
            health.market_followed(market)
            async for attempt in retry.retry_until_available(report):
                with attempt:
                    await loop.relay()
    except Misconfigured as e:
        health.market_refused(market, e)
        logger.error("market.refused", market=str(market), error=str(e))


def _count(counts: Counter[str], batches: list[FeedBatch]) -> None:
    for batch in batches:
        for event in batch.events:
            counts[type_of(event)] += len(event.trades) if isinstance(event, Trades) else 1


async def _log_counts(counts: Counter[str]) -> None:
    while True:
        await asyncio.sleep(REPORT_INTERVAL_S)
        logger.info("producer.published", **counts)


def _report(event: str, record: Callable[[Unavailable], None], **bound: str) -> retry.Report:
    """Return a report that calls *record* and logs *event* with the values *bound*."""

    def report(failure: Unavailable, wait_s: float) -> None:
        record(failure)
        logger.warning(event, error=str(failure), retry_in_s=round(wait_s, 1), **bound)

    return report


def main() -> int:
    log.configure("producer")
    return service.run(lambda: produce(Settings.load()))


if __name__ == "__main__":
    sys.exit(main())
