"""Each check of `sql/checks` finds its planted fault, and nothing in correct data."""

import asyncio
from datetime import timedelta

import psycopg

from include.kpis.records import MINUTE_MS
from include.quality import checks
from include.quality.audit import audit
from tests.quality.conftest import BTC, FROM_MS, NOON_MS, fill, rows, when

WINDOW = when(FROM_MS), when(NOON_MS)
AT = when(FROM_MS + 10 * MINUTE_MS)


def snapshot(**values: object) -> str:
    """Return the statement that stores a snapshot of BTC/USDT with these columns."""
    known = {"close": 100.0, "mid_price": 100.0, "price_spread": 0.01, "spread_bps": 1.0} | values
    at = known.pop("timestamp", AT)
    symbol, exchange = known.pop("symbol", BTC.symbol), known.pop("exchange", BTC.exchange)
    names = ", ".join(known)
    texts = ", ".join("NULL" if value is None else str(value) for value in known.values())
    return (
        f"INSERT INTO crypto_prices (exchange, symbol, timestamp, {names})"
        f" VALUES ('{exchange}', '{symbol}', '{at.isoformat()}', {texts})"
    )


BTC_MINUTE = f"symbol = 'BTC/USDT' AND open_ts = '{AT.isoformat()}'"
IN_MINUTE = (
    f"symbol = 'BTC/USDT' AND ts >= '{AT.isoformat()}'"
    f" AND ts < '{(AT + timedelta(minutes=1)).isoformat()}'"
)
COUNTS = (
    "INSERT INTO store_counts VALUES ('binance', 'BTC/USDT',"
    f" '{AT.isoformat()}', '{(AT + timedelta(minutes=5)).isoformat()}', {{}})"
)
PLANTED = {
    "minutes_complete": [
        f"UPDATE minute_audits SET status = 'missing_trades' WHERE minute = '{AT.isoformat()}'"
    ],
    "candles_contiguous": [f"DELETE FROM candles WHERE {BTC_MINUTE}"],
    "candle_vwap_within_range": [
        f"UPDATE candles SET quote_volume = quote_volume * 2 WHERE {BTC_MINUTE}"
    ],
    "trades_unique": [
        "INSERT INTO trades SELECT exchange, symbol, trade_id, first_id, last_id,"
        f" ts + interval '1 us', price, amount, side FROM trades WHERE {IN_MINUTE}"
    ],
    "session_vwap_within_range": [snapshot(vwap=103, session_low=99, session_high=102)],
    "stores_agree_on_trades": [COUNTS.format("9, 9, 5, 6, 6, 5, 5")],
    "stream_agrees_with_batch": [
        "INSERT INTO reconciliations (exchange, symbol, stream, kpi, window_start, window_end,"
        " compared, missing, max_relative_difference, tolerance) VALUES ('binance', 'BTC/USDT',"
        f" 'crypto_candles', 'macd', '{AT.isoformat()}'::timestamptz - interval '10 minutes',"
        f" '{AT.isoformat()}'::timestamptz + interval '50 minutes', 60, 0, 1e-6, 1e-9)"
    ],
    "stores_agree_on_candles": [COUNTS.format("9, 9, 6, 6, 6, 5, 4")],
    "trade_ids_contiguous": [f"DELETE FROM trades WHERE trade_id % 5 = 2 AND {IN_MINUTE}"],
    "trades_in_order": [
        "UPDATE trades SET ts = ts + interval '20 s'"
        f" WHERE trade_id = (SELECT min(trade_id) FROM trades WHERE {IN_MINUTE})"
        " AND symbol = 'BTC/USDT'"
    ],
    "gaps_closed": [
        "INSERT INTO gap_ledger (exchange, symbol, minute, cause, opened_at)"
        f" VALUES ('binance', 'BTC/USDT', '{AT.isoformat()}', 'our downtime', '{AT.isoformat()}')"
    ],
    "no_dead_letters": [
        'INSERT INTO dead_letters (topic, partition, "offset", reason, value_bytes, seen_at)'
        f" VALUES ('t', 0, 0, 'why', 0, '{AT.isoformat()}')"
    ],
    "snapshots_every_minute": ["DELETE FROM crypto_prices WHERE symbol = 'ETH/USDT'"],
    "drain_up_to_date": [
        "INSERT INTO kafka_offsets (topic, partition, next_offset, updated_at, fold)"
        f" VALUES ('t', 0, 0, '{AT.isoformat()}', '{{}}')"
    ],
    "times_sane": [snapshot(data_age_ms=-5000)],
    "latency": [snapshot(data_age_ms=9000)],
    "feed_not_frozen": [
        snapshot(
            quote_volume=5, depth_bid_base=1, timestamp=AT + timedelta(seconds=s), symbol="A/B"
        )
        for s in range(30)
    ],
    "book_not_crossed": [snapshot(price_spread=None)],
    "spread_narrow": [snapshot(spread_bps=150)],
    "ticker_consistent": [snapshot(low=101, high=102)],
    "snapshots_agree_with_candles": [snapshot(close=1)],
    "price_outliers": [
        snapshot(mid_price=100 + s / 1000, timestamp=AT + timedelta(seconds=s), symbol="A/B")
        for s in range(20)
    ]
    + [snapshot(mid_price=103, timestamp=AT + timedelta(seconds=30), symbol="A/B")],
    "volume_usual": [
        "INSERT INTO candles (exchange, symbol, width_s, open_ts, open, high, low, close, volume)"
        f" SELECT 'binance', 'A/B', 60, '{AT.isoformat()}'::timestamptz - d * interval '1 day',"
        " 1, 1, 1, 1, CASE d WHEN 0 THEN 100 ELSE 2 END FROM generate_series(0, 4) AS d"
    ],
    "exchanges_agree": [snapshot(mid_price=100), snapshot(mid_price=101, exchange="kraken")],
}


def test_each_check_has_a_planted_fault():
    assert {check.name for check in checks.load_checks()} == set(PLANTED)


async def test_each_check_finds_its_fault_and_none_in_correct_data(
    exchange, audited, writer, owner
):
    await fill(writer, exchange)
    await asyncio.to_thread(audit, writer, audited)
    for minute in range(30):  # correct snapshots: one per minute at its candle's close
        owner.execute(
            "INSERT INTO crypto_prices (exchange, symbol, timestamp, close, mid_price,"
            " price_spread, spread_bps, data_age_ms) SELECT exchange, symbol,"
            " open_ts + interval '59 s', close, close, 0.01, 1, 40 FROM candles WHERE open_ts = %s",
            [when(FROM_MS + minute * MINUTE_MS)],
        )
    assert checks.run_checks(writer, checks.load_checks(), *WINDOW) == []

    for check in checks.load_checks():
        with owner.transaction() as transaction:
            for statement in PLANTED[check.name]:
                assert owner.execute(statement.encode()).rowcount > 0, check.name
            found = {
                f.check.name: f for f in checks.run_checks(owner, checks.load_checks(), *WINDOW)
            }
            assert check.name in found, check.name
            ((failing, sample),) = rows(
                owner,
                "SELECT failing, jsonb_array_length(sample) FROM quality_results"
                ' WHERE "check" = %s',
                check.name,
            )
            assert failing == found[check.name].failing
            assert sample == min(failing, 5)
            raise psycopg.Rollback(transaction)
