"""All symbols of a pipeline against the exchange it followed."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from tests.chaos.verifier import arithmetic
from tests.chaos.verifier.exchange import MINUTE_MS, Candle, Exchange, Trade
from tests.chaos.verifier.influxdb import Influx
from tests.chaos.verifier.postgres import CANDLE, TRADE, Postgres
from tests.chaos.verifier.verdict import Fields, Verdict, equal

# By the time of the newest snapshot stored: what the exchange had so long before it must be there.
CANDLE_DUE_MS = 2_000
GRACE_MS = 1_000  # a minute counts as open for so long after its end
BAR_DUE_MS = 3_000
PAGE_AHEAD_MS = 300_000  # trades may have been fetched that long after the snapshot they precede


@dataclass(frozen=True)
class Stores:
    """Where a pipeline wrote to."""

    postgres: Postgres
    influx: Influx


def verify(
    exchange: Exchange, stores: Stores, symbols: Iterable[str], *, history_bars: int, until_ms: int
) -> Verdict:
    """
    Compare all that is stored with what the exchange served.

    Args:
        history_bars: So many candles before the first minute with trades were to be fetched.
        until_ms: Whatever the exchange had by then has to be there.
    """
    verdict = Verdict()
    for symbol in symbols:
        _Symbol(exchange, stores, symbol, verdict).verify(history_bars, until_ms)
    return verdict


class _Symbol:
    def __init__(self, exchange: Exchange, stores: Stores, symbol: str, verdict: Verdict) -> None:
        self._exchange = exchange
        self._stores = stores
        self._symbol = symbol
        self._verdict = verdict

    def verify(self, history_bars: int, until_ms: int) -> None:
        stored = self._stores.postgres.trades(self._symbol)
        snapshots = self._stores.postgres.prices(self._symbol)
        # Trades are kept from the minute on that was open at the first snapshot there ever was: the
        # first one stored may be a later one, and some of the trades may be missing, not both.
        first_snapshot_ms = min(snapshots, default=until_ms) - GRACE_MS
        times = [int(fields["ts_ms"] or 0) for _, fields in stored]
        since_ms = min([first_snapshot_ms, *times]) // MINUTE_MS * MINUTE_MS
        last_id = max((trade_id for trade_id, _ in stored), default=-1)  # none: a quiet minute
        trades = self._exchange.trades(self._symbol, since_ms, max([until_ms, *times]))
        self._trades(trades, stored, until_ms, last_id)
        trades = [trade for trade in trades if trade.trade_id <= last_id]
        candles = self._candles(since_ms - history_bars * MINUTE_MS, until_ms)
        self._seconds(trades)
        self._snapshots(trades, candles)

    def _trades(
        self, trades: list[Trade], stored: list[tuple[int, Fields]], until_ms: int, last_id: int
    ) -> None:
        expected = {t.trade_id: dict(zip(TRADE, t[1:], strict=True)) for t in trades}
        times = {t.trade_id: t.ts_ms for t in trades}
        found = dict(stored)
        self._verdict.compare(
            f"{self._symbol} trades",
            expected,
            found,
            is_due=lambda trade_id: times[trade_id] <= until_ms or trade_id < last_id,
        )
        if len(found) != len(stored):
            ids = [trade_id for trade_id, _ in stored]
            twice = sorted({i for i, j in pairwise(ids) if i == j})
            self._verdict.extra += [f"{self._symbol} trades {trade_id} twice" for trade_id in twice]

    def _candles(self, from_ms: int, until_ms: int) -> list[Candle]:
        stored = self._stores.postgres.candles(self._symbol)
        points = self._stores.influx.points("crypto_candles", self._symbol)
        earliest_ms = min([*stored, from_ms])  # a backfill may have brought more
        candles = self._exchange.candles(
            self._symbol, earliest_ms, max([*stored, *points, until_ms]) + 1
        )
        live = [candle for candle in candles if candle.open_ts_ms >= from_ms]

        def is_due(open_ts_ms: int) -> bool:
            return from_ms <= open_ts_ms <= until_ms - MINUTE_MS - CANDLE_DUE_MS

        self._verdict.compare(
            f"{self._symbol} candles",
            {c.open_ts_ms: dict(zip(CANDLE, c[1:], strict=True)) for c in candles},
            stored,
            is_due=is_due,
        )
        self._verdict.compare(
            f"{self._symbol} crypto_candles",
            _points(live),
            points,
            is_due=is_due,
            scale=max((c.high for c in live), default=0.0),
        )
        return live

    def _seconds(self, trades: list[Trade]) -> None:
        points = self._stores.influx.points("crypto_trades", self._symbol)
        newest_snapshot_ms = self._stores.influx.newest_ms("crypto_prices", self._symbol)
        seen_ms = max([newest_snapshot_ms, *(trade.ts_ms for trade in trades)])
        self._verdict.compare(
            f"{self._symbol} crypto_trades",
            arithmetic.second_bars(trades),
            points,
            is_due=lambda start_ms: start_ms + BAR_DUE_MS <= seen_ms,
        )

    def _snapshots(self, trades: list[Trade], candles: list[Candle]) -> None:
        rows = self._stores.postgres.prices(self._symbol)
        points = self._stores.influx.points("crypto_prices", self._symbol)
        self._verdict.compare(f"{self._symbol} crypto_prices", rows, points)
        if not rows:
            self._verdict.missing.append(f"all snapshots of {self._symbol}")
        minutes = arithmetic.OpenMinutes(candles, trades)
        lines = dict(
            zip(
                (c.open_ts_ms for c in candles),
                arithmetic.macd([c.close for c in candles]),
                strict=True,
            )
        )
        for ts_ms, row in rows.items():
            self._snapshot(ts_ms, row, trades, minutes, lines)

    def _snapshot(
        self,
        ts_ms: int,
        row: Fields,
        trades: list[Trade],
        minutes: arithmetic.OpenMinutes,
        lines: dict[int, tuple[float | None, float | None, float | None]],
    ) -> None:
        """Check a snapshot's numbers against the trades and candles there were at its time."""
        place = f"{self._symbol} snapshot {ts_ms}"
        if before := _count_until(trades, ts_ms):
            price = trades[before - 1].price
            self._verdict.require(
                equal(price, row["close"]),
                f"{place} close: expected {price}, found {row['close']}",
            )
        closed = {(ts_ms - grace_ms) // MINUTE_MS * MINUTE_MS for grace_ms in (0, 1_000, 2_000)}
        possible = [v for c in closed for v in minutes.vwaps(c, ts_ms + PAGE_AHEAD_MS)]
        self._verdict.require(
            any(equal(v, row.get("vwap")) for v in possible),
            f"{place} vwap: expected one of {len(possible)}, found {row.get('vwap')}",
        )
        found = (row.get("macd"), row.get("macd_signal"), row.get("macd_hist"))
        known = [lines[c - MINUTE_MS] for c in closed if c - MINUTE_MS in lines]
        scale = float(row["close"] or 0)
        self._verdict.require(
            not known or any(all(map(equal, want, found, [scale] * 3)) for want in known),
            f"{place} macd: expected {known}, found {found}",
        )
        self._verdict.compared["snapshots"] += 1


def _points(candles: list[Candle]) -> dict[int, Fields]:
    averages = arithmetic.session_vwaps(candles)
    lines = arithmetic.macd([c.close for c in candles])
    points = {}
    for candle, average, (line, signal, histogram) in zip(candles, averages, lines, strict=True):
        values = {
            **dict(zip(CANDLE[:-1], candle[1:-1], strict=True)),
            "trades": float(candle.trade_count),
            "vwap": candle.quote_volume / candle.volume if candle.volume else None,
            "session_vwap": average,
            "macd": line,
            "macd_signal": signal,
            "macd_hist": histogram,
        }
        points[candle.open_ts_ms] = {k: v for k, v in values.items() if v is not None}
    return points


def _count_until(trades: list[Trade], ts_ms: int) -> int:
    low, high = 0, len(trades)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if trades[middle].ts_ms <= ts_ms else (low, middle)
    return low
