"""What comes twice, late or out of order: one row, one point, and a counter."""

import itertools
import json
from dataclasses import replace

import pytest

from include.kpis.records import MarketSnapshot, Trade, Trades
from include.warehouse.connection import connect
from include.warehouse.drain import drain
from tests.chaos.verifier.postgres import Postgres
from tests.streaming import market
from tests.streaming.consuming import RunningConsumer, publish, wait_until_saved
from tests.warehouse.comparison import found

SECOND_MS, MINUTE_MS, DAY_MS = 1_000, 60_000, 86_400_000
START_MS = 1_762_300_800_000 + 12 * 3_600_000


def stored(settings, bucket):
    """Return all that is in both stores once all that is in the log has been folded."""
    with RunningConsumer(settings) as consuming:
        wait_until_saved(settings)
    assert consuming.failure is None
    with connect(settings, application="test") as connection:
        drained = drain(connection, settings)
        return bucket.stored(), found(connection), drained


@pytest.mark.fault(19)
def test_records_trades_and_snapshots_again(settings, bucket, seed, story):
    """
    The records themselves, their trades packed otherwise, their snapshots alone.
    """
    events = list(itertools.islice(market.stream(seed), 600))
    publish(settings, events)
    points, rows, first = stored(settings, bucket)
    repacked = [
        replace(e, trades=tuple(some))
        for e in events
        if isinstance(e, Trades)
        for some in itertools.batched(e.trades, 3)
    ]
    snapshots = [e for e in events if isinstance(e, MarketSnapshot)]
    publish(settings, [*events, *repacked, *snapshots])
    points_again, rows_again, again = stored(settings, bucket)

    new = (again.snapshots, again.trades, again.candles)
    story.injected(
        f"{len(events)} records again, {len(repacked)} packs of their trades, all snapshots"
    )
    story.found(f"new rows {new}, {again.duplicates} duplicates counted, points and rows unchanged")
    assert first.trades > 0
    assert new == (0, 0, 0)
    assert again.duplicates >= 2 * first.trades + 2 * first.snapshots
    assert points_again == points
    assert rows_again == rows


@pytest.mark.fault(20)
def test_late_by_a_second_a_minute_a_day(settings, bucket, story):
    """
    All are rows; a second's point takes what is at most 2 s late, and the fold counts the rest.
    """
    late = {1: 0, 2: -SECOND_MS, 3: 5 * SECOND_MS, 4: -MINUTE_MS, 5: -DAY_MS, 6: 12 * SECOND_MS}
    trades = [
        Trade(n, n, n, START_MS + 500 + at_ms, 100.0 + n, 1.0, "buy") for n, at_ms in late.items()
    ]
    publish(settings, [Trades("binance", "BTC/USDT", START_MS, (trade,)) for trade in trades])
    points, _, drained = stored(settings, bucket)
    s = settings
    postgres = Postgres(
        f"host={s.postgres_host} port={s.postgres_port} dbname={s.postgres_database}"
        f" user={s.postgres_user} passfile={s.postgres_passfile}"
    )
    rows = postgres.trades("BTC/USDT")
    folds = json.dumps(postgres.folds())
    postgres.close()

    bars = {place: values for place, values in points.items() if place[0] == "crypto_trades"}
    seconds = {place[-1]: values["trades"] for place, values in bars.items()}
    story.injected("trades late by 1 s, 1 min and 1 day")
    story.found(
        f"{len(rows)} rows; seconds {sorted(s - START_MS for s in seconds)}; 2 counted late"
    )
    assert [trade_id for trade_id, _ in rows] == list(late)
    assert drained.trades == len(late)
    assert seconds == {START_MS - SECOND_MS: 1.0, START_MS: 1.0, START_MS + 5 * SECOND_MS: 1.0}
    assert '"late_trades": 2' in folds, folds
