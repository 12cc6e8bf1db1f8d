"""The producer's health: what its followers, its outbox and its sessions note."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import structlog

from include.broker.records import Outgoing
from include.errors import PipelineError
from include.kpis.records import MINUTE_MS, Candle, Event, Gap, MarketKey, MarketSnapshot, Trades
from include.settings import Settings
from include.streaming.health.definitions import (
    BATCHES_WAITING,
    GAP_TRADES,
    MARKET_LAG,
    MARKETS_BEHIND,
    PRODUCER,
    PUBLISHED,
    RECONNECTS,
    REFUSALS,
    RETRIES,
    STREAM_DROPPED,
    TRANSACTION,
)
from include.streaming.health.deliveries import KAFKA
from include.streaming.health.health import Health, reason_of
from include.streaming.market_feed import FeedBatch
from include.streaming.publishing import TransactionWriter
from include.wire import type_of

PUBLISHING = "publishing"
STALE_POLLS = 6  # a market is stale when its newest event is older than so many poll intervals
STALE_AT_LEAST_S = 10.0
BEHIND_S = 60.0

logger = structlog.get_logger()


@dataclass(slots=True)
class _Market:
    """How one market does; times of the exchange in ms."""

    newest_ms: int | None = None
    failure: str | None = None
    is_behind: bool = False


@dataclass(slots=True)
class _Clock:
    """What an exchange's clock said, and when by ours."""

    exchange_ms: int
    at_s: float

    def now_ms(self) -> float:
        return self.exchange_ms + (time.monotonic() - self.at_s) * 1000


# Why an exchange refuses, as `reason_of` names it.
REASONS = ("rate_limited", "unavailable", "misconfigured")


class ProducerHealth(Health):
    """Any thread may note, and none waits."""

    def __init__(self, settings: Settings) -> None:
        exchanges = dict.fromkeys(market.exchange for market in settings.markets)
        conditions = (KAFKA, *exchanges, PUBLISHING)
        super().__init__(PRODUCER, settings.producer_health_port, conditions)
        self._waiting: Callable[[], int] = lambda: 0
        self._stale_s = max(STALE_POLLS * settings.poll_interval_s, STALE_AT_LEAST_S)
        self._markets = {market: _Market() for market in settings.markets}
        self._clocks: dict[str, _Clock] = {}
        self._session_failure: str | None = None
        self._sessions = 0
        for dependency in (KAFKA, *exchanges):
            self.expect(RETRIES, dependency)
            self.expect(RECONNECTS, dependency if dependency == KAFKA else f"{dependency}_stream")
        for exchange in exchanges:
            for reason in REASONS:
                self.expect(REFUSALS, exchange, reason)
        for market in settings.markets:
            self.expect(GAP_TRADES, *market)
            self.expect(STREAM_DROPPED, *market)

    def connected(self, exchange: str) -> None:
        """Note that an exchange answers."""
        self.conditions.met(exchange)

    def refused(self, exchange: str, failure: PipelineError) -> None:
        """Note that an exchange does not answer, or not with what was asked."""
        self.metrics.add(REFUSALS, exchange, reason_of(failure))
        self.retried(exchange)
        self.conditions.failed(exchange, str(failure))

    def exchange_time(self, exchange: str, now_ms: int) -> None:
        """Note what an exchange's clock says; while it stands still, time goes on all the same."""
        clock = self._clocks.get(exchange)
        if clock is None or now_ms > clock.exchange_ms:
            self._clocks[exchange] = _Clock(now_ms, time.monotonic())

    def market_refused(self, market: MarketKey, failure: PipelineError) -> None:
        """Note that a market could not be followed to its newest event."""
        self._markets[market].failure = str(failure)
        self.refused(market.exchange, failure)

    def market_followed(self, market: MarketKey) -> None:
        """Note that a market was; its exchange is well once that holds for all its markets."""
        self._markets[market].failure = None
        others = (m for key, m in self._markets.items() if key.exchange == market.exchange)
        if all(m.failure is None for m in others):
            self.conditions.met(market.exchange)

    def reconnected(self, dependency: str) -> None:
        """Count a connection made again after a loss."""
        self.metrics.add(RECONNECTS, dependency)

    def stream_dropped(self, exchange: str, symbol: str, trades: int) -> None:
        """Note trades of the stream that were given up; history is asked for them."""
        self.metrics.add(STREAM_DROPPED, exchange, symbol, by=trades)

    def published(self, batches: Iterable[FeedBatch]) -> None:
        """Note what Kafka has committed."""
        self._session_failure = None
        for batch in batches:
            found = self._markets[batch.market]
            for event in batch.events:
                trades = len(event.trades) if isinstance(event, Trades) else 1
                self.metrics.add(PUBLISHED, *batch.market, type_of(event), by=trades)
                if isinstance(event, Gap):
                    missing = event.last_id - event.first_id + 1
                    self.metrics.add(GAP_TRADES, *batch.market, by=missing)
                found.newest_ms = max(found.newest_ms or 0, _until_ms(event))

    def session_began(self, waiting: Callable[[], int]) -> None:
        """Note that a writer is there; *waiting* tells how many batches wait for it."""
        self._waiting = waiting
        self._sessions += 1
        if self._sessions > 1:
            self.reconnected(KAFKA)

    def session_failed(self, failure: PipelineError) -> None:
        """Note that publishing starts over."""
        self._session_failure = str(failure)
        self.retried(KAFKA)

    def check(self) -> None:
        """Set what is a matter of the moment: lags, and whether a market is stale."""
        stale, behind = [], 0
        for market, found in self._markets.items():
            lag_s = self._lag_s(market.exchange, found)
            if lag_s is not None:
                self.metrics.set(MARKET_LAG, lag_s, *market)
                behind += self._is_behind(market, found, lag_s)
            if found.newest_ms is None:
                stale.append(f"{market} has nothing published yet")
            elif lag_s is not None and lag_s > self._stale_s:
                stale.append(f"{market} is {lag_s:.0f} s behind the exchange")
        self.metrics.set(MARKETS_BEHIND, behind)
        self.metrics.set(BATCHES_WAITING, self._waiting())
        reason = self._session_failure or ", ".join(stale)
        if reason:
            self.conditions.failed(PUBLISHING, reason)
        else:
            self.conditions.met(PUBLISHING)

    def _lag_s(self, exchange: str, found: _Market) -> float | None:
        clock = self._clocks.get(exchange)
        if clock is None or found.newest_ms is None:
            return None
        return max(0.0, (clock.now_ms() - found.newest_ms) / 1000)

    def _is_behind(self, market: MarketKey, found: _Market, lag_s: float) -> bool:
        if (lag_s > BEHIND_S) != found.is_behind:
            found.is_behind = not found.is_behind
            say = logger.warning if found.is_behind else logger.info
            event = "market.behind" if found.is_behind else "market.caught_up"
            say(event, market=str(market), lag_s=round(lag_s, 1))
        return found.is_behind


class TimedWriter:
    """A writer whose transactions are timed."""

    def __init__(self, writer: TransactionWriter, health: ProducerHealth) -> None:
        self._writer = writer
        self._health = health

    def write(self, records: list[Outgoing]) -> None:
        """As the writer's."""
        began_s = time.monotonic()
        self._writer.write(records)
        self._health.metrics.observe(TRANSACTION, [time.monotonic() - began_s])


def _until_ms(event: Event) -> int:
    match event:
        case MarketSnapshot():
            return event.event_ts_ms
        case Trades():
            return event.trades[-1].ts_ms
        case Candle():
            return event.open_ts_ms + MINUTE_MS
    return 0
