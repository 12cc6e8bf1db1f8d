"""
The producer: every market of every configured exchange into `crypto.market`.

`python -m include.streaming.producer`; ends on SIGTERM with 0, on a wrong setting with 2, never
because the exchange or Kafka is away: /healthz says so then.
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
from include.streaming import progress, service
from include.streaming.batch import Batch
from include.streaming.deadlines import Deadlines
from include.streaming.follower import Follower
from include.streaming.health.producer import ProducerHealth, TimedWriter
from include.streaming.health.services import producer_health
from include.streaming.health.source import ObservedSource
from include.streaming.live_trades import LiveTrades
from include.streaming.outbox import Outbox
from include.streaming.subscription import Subscription
from include.streaming.turns import Turns

TRANSACTIONAL_ID = "crypto-kpi-producer"
REPORT_EVERY_S = 30.0

logger = structlog.get_logger()


async def produce(settings: Settings) -> None:
    """
    Publish until cancelled, through any failure of the exchange or of Kafka.

    Raises:
        Misconfigured: A market is unknown, Kafka has no such topics, or the port of our health is
            taken: nothing was published.
    """
    exchanges = {
        name: open_exchange(name, settings)
        for name in dict.fromkeys(market.exchange for market in settings.markets)
    }
    try:
        with producer_health(settings) as health:
            await _connect(exchanges, settings, health)
            report = _report("kafka.unavailable", health.session_failed)
            async for attempt in retry.until_available(report):
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
        async for attempt in retry.until_available(report):
            with attempt:
                await exchange.connect(symbols)
        health.connected(name)
        logger.info("exchange.connected", exchange=name, symbols=symbols)


async def _publish(
    exchanges: Mapping[str, Binance], settings: Settings, health: ProducerHealth
) -> None:
    """Resume where Kafka says, follow all markets; Unavailable is Kafka's: start over."""
    writer = await asyncio.to_thread(TransactionalWriter, settings, TRANSACTIONAL_ID)
    try:
        found = await asyncio.to_thread(progress.load, settings, settings.markets)
        counts: Counter[str] = Counter()

        def published(batches: list[Batch]) -> None:
            _count(counts, batches)
            health.published(batches)

        outbox = Outbox(settings, TimedWriter(writer, health), published=published)
        health.session_began(lambda: outbox.waiting)
        logger.info("producer.resumed", **{str(m): repr(p) for m, p in found.items()})
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(outbox.run())
                group.create_task(_report_counts(counts))
                live = _subscribe(exchanges, settings, health, group)
                for market, known in found.items():
                    follower = Follower(
                        ObservedSource(exchanges[market.exchange], health),
                        market,
                        known,
                        history_bars=settings.history_bars,
                        live=live.get(market),
                    )
                    group.create_task(_follow(follower, market, outbox, settings, health))
        except* Unavailable as failures:
            raise service.first(failures) from failures
    finally:
        await asyncio.to_thread(writer.close)


def _subscribe(
    exchanges: Mapping[str, Binance],
    settings: Settings,
    health: ProducerHealth,
    group: asyncio.TaskGroup,
) -> dict[MarketKey, LiveTrades]:
    """Keep a trade stream of each exchange while *group* runs; return the markets' buffers."""
    live: dict[MarketKey, LiveTrades] = {}
    for name, exchange in exchanges.items() if settings.trades_stream else ():
        symbols = [market.symbol for market in settings.markets if market.exchange == name]
        stream = f"{name}_stream"
        subscription = Subscription(
            exchange.trade_stream(symbols),
            symbols,
            report=_report("stream.unavailable", partial(_retried, health, stream), exchange=name),
            lost=partial(health.reconnected, stream),
            dropped=partial(health.stream_dropped, name),
        )
        live |= {MarketKey(name, symbol): found for symbol, found in subscription.live.items()}
        group.create_task(subscription.run())
    return live


def _retried(health: ProducerHealth, dependency: str, failure: Unavailable) -> None:
    health.retried(dependency)


async def _follow(
    follower: Follower,
    market: MarketKey,
    outbox: Outbox,
    settings: Settings,
    health: ProducerHealth,
) -> None:
    """Follow one market until cancelled, or until the exchange refuses it for good."""
    noted = partial(health.market_refused, market)
    turns = Turns(follower, outbox.put, Deadlines(settings.poll_interval_s))
    try:
        while True:
            report = _report("exchange.unavailable", noted, market=str(market))
            async for attempt in retry.until_available(report):
                with attempt:
                    await turns.ask()
            health.market_followed(market)
            async for attempt in retry.until_available(report):
                with attempt:
                    await turns.listen()
    except Misconfigured as e:
        health.market_refused(market, e)
        logger.error("market.refused", market=str(market), error=str(e))


def _count(counts: Counter[str], batches: list[Batch]) -> None:
    for batch in batches:
        for event in batch.events:
            counts[type(event).__name__.lower()] += (
                len(event.trades) if isinstance(event, Trades) else 1
            )


async def _report_counts(counts: Counter[str]) -> None:
    while True:
        await asyncio.sleep(REPORT_EVERY_S)
        logger.info("producer.published", **counts)


def _report(event: str, note: Callable[[Unavailable], None], **bound: str) -> retry.Report:
    def report(failure: Unavailable, wait_s: float) -> None:
        note(failure)
        logger.warning(event, error=str(failure), retry_in_s=round(wait_s, 1), **bound)

    return report


def main() -> int:
    log.configure("producer")
    return service.run(lambda: produce(Settings.load()))


if __name__ == "__main__":
    sys.exit(main())
