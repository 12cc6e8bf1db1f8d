"""Candles of the exchange's history: exact, stored once, revised if they differ, never invented."""

import asyncio
import math
import sys
import time

import pytest

from include.errors import BadRecord, Unavailable
from include.history.candles import BackfillResult, backfill
from include.kpis.records import MINUTE_MS
from tests.exchange.conftest import NOON_MS, opened
from tests.history.conftest import DAY_MS, MARKETS, as_stored, klines, stored
from tests.waiting import eventually

BTC, ETH = MARKETS
KLINES = "/api/v3/klines"
UNTIL_MS = NOON_MS - NOON_MS % DAY_MS
FROM_MS = UNTIL_MS - 2 * DAY_MS
HOUR_MS = 60 * MINUTE_MS


async def expected(exchange, from_ms=FROM_MS, until_ms=UNTIL_MS, markets=MARKETS):
    return [as_stored(m, k) for m in markets for k in await klines(exchange, m, from_ms, until_ms)]


def everything(connection):
    """Return all rows with their tuple versions."""
    return [
        connection.execute(f"SELECT ctid, xmin, t.* FROM {table} AS t ORDER BY ctid").fetchall()
        for table in ("candles", "candle_revisions", "candle_holes")
    ]


async def test_two_days_equal_the_exchanges_and_a_repetition_changes_nothing(exchange, writer):
    first = [
        await backfill(writer, exchange.binance, m, FROM_MS, UNTIL_MS, source="a") for m in MARKETS
    ]
    before = everything(writer)

    again = [
        await backfill(writer, exchange.binance, m, FROM_MS, UNTIL_MS, source="b") for m in MARKETS
    ]

    requests = math.ceil(2 * 1440 / 1000)
    assert first == [BackfillResult(inserted=2880, requests=requests)] * 2
    assert again == [BackfillResult(unchanged=2880, requests=requests)] * 2
    assert stored(writer) == await expected(exchange)
    assert everything(writer) == before


@pytest.mark.fault(29)
async def test_a_candle_with_other_values_is_a_revision(exchange, writer):
    (first, wrong) = await expected(exchange, UNTIL_MS - 2 * MINUTE_MS, markets=[BTC])
    planted = (*wrong[:7], wrong[7] * 1.01, *wrong[8:])
    writer.execute(
        "INSERT INTO candles (exchange, symbol, width_s, open_ts, open, high, low, close, volume,"
        " quote_volume, trade_count) VALUES (%s, %s, %s, to_timestamp(%s / 1000.0), %s, %s, %s, %s,"
        " %s, %s, %s)",
        (*planted[:5], planted[5] * 1.01, *planted[6:]),
    )

    window = (UNTIL_MS - 2 * MINUTE_MS, UNTIL_MS)
    done = await backfill(writer, exchange.binance, BTC, *window, source="audit")
    again = await backfill(writer, exchange.binance, BTC, *window, source="audit")

    assert done == BackfillResult(inserted=1, revised=1, requests=1)
    assert again == BackfillResult(unchanged=2, requests=1)
    assert stored(writer) == [first, wrong]
    assert writer.execute("SELECT revision, source FROM candles ORDER BY open_ts").fetchall() == [
        (0, "audit"),
        (1, "audit"),
    ]
    assert writer.execute(
        "SELECT revision, close, source, replaced_by, written_at <= replaced_at"
        " FROM candle_revisions"
    ).fetchall() == [(0, planted[7], "stream", "audit", True)]


async def test_missing_candles_are_recorded_and_not_invented(exchange, writer):
    window = (UNTIL_MS - HOUR_MS, UNTIL_MS)
    page = await klines(exchange, BTC, *window)
    with_holes = page[3:10] + page[12:58]
    await exchange.fault(
        {"path": KLINES, "body": with_holes, "times": 1}, {"path": KLINES, "body": [], "times": 1}
    )

    done = await backfill(writer, exchange.binance, BTC, *window, source="backfill")

    assert done == BackfillResult(inserted=53, holes=7, requests=2)
    assert stored(writer) == [as_stored(BTC, kline) for kline in with_holes]
    assert holes(writer) == [page[i][0] for i in (0, 1, 2, 10, 11, 58, 59)]

    done = await backfill(writer, exchange.binance, BTC, *window, source="backfill")

    assert done == BackfillResult(inserted=7, unchanged=53, requests=1)
    assert stored(writer) == [as_stored(BTC, kline) for kline in page]


def holes(connection):
    return [
        ms
        for (ms,) in connection.execute(
            "SELECT (extract(epoch FROM open_ts) * 1000)::bigint FROM candle_holes ORDER BY open_ts"
        )
    ]


async def test_the_view_shows_remaining_holes_as_ranges(exchange, writer, reader):
    window = (UNTIL_MS - HOUR_MS, UNTIL_MS)
    page = await klines(exchange, BTC, *window)
    await exchange.fault({"path": KLINES, "body": page[:10] + page[12:20] + page[25:], "times": 1})
    await backfill(writer, exchange.binance, BTC, *window, source="backfill")
    later = (UNTIL_MS - HOUR_MS, page[21][0])

    await backfill(writer, exchange.binance, BTC, *later, source="backfill")

    assert reader.execute(
        "SELECT (extract(epoch FROM from_ts) * 1000)::bigint,"
        " (extract(epoch FROM until_ts) * 1000)::bigint, candles FROM candle_holes"
    ).fetchall() == [(page[21][0], page[25][0], 4)]


async def test_an_open_minute_is_omitted_by_the_exchanges_clock(writer):
    now_ms = time.time_ns() // 1_000_000
    open_ms = now_ms - now_ms % MINUTE_MS
    async with opened(now_ms=open_ms + 59_999) as exchange:
        from_ms = open_ms - 3 * MINUTE_MS
        done = await backfill(
            writer, exchange.binance, BTC, from_ms, open_ms + HOUR_MS, source="backfill"
        )

        assert done == BackfillResult(inserted=3, requests=2)
        assert stored(writer) == await expected(exchange, from_ms, open_ms, [BTC])


async def test_an_invalid_candle_is_rejected_with_its_page_in_one_line(exchange, writer):
    window = (UNTIL_MS - HOUR_MS, UNTIL_MS)
    page = await klines(exchange, BTC, *window)
    page[30][2] = "0.00000001"  # a high below its low
    await exchange.fault({"path": KLINES, "body": page})

    with pytest.raises(BadRecord, match=r"^binance:BTC/USDT: .*candles_enclose") as e:
        await backfill(writer, exchange.binance, BTC, *window, source="backfill")

    assert "\n" not in str(e.value)
    assert stored(writer) == []


async def test_a_page_out_of_order_is_unavailable(exchange, writer):
    window = (UNTIL_MS - HOUR_MS, UNTIL_MS)
    page = await klines(exchange, BTC, *window)
    await exchange.fault({"path": KLINES, "body": [page[1], page[0], *page[2:]]})

    with pytest.raises(Unavailable, match="found minute"):
        await backfill(writer, exchange.binance, BTC, *window, source="backfill")


BACKFILL = """
import asyncio, sys
from include.exchange.binance import Binance
from include.history.candles import backfill
from include.kpis.records import MarketKey
from include.settings import Settings
from include.warehouse.connection import connect

async def main():
    settings = Settings.load()
    exchange = Binance("binance", settings)
    await exchange.connect(["BTC/USDT"])
    with connect(settings, application="victim") as connection:
        market = MarketKey("binance", "BTC/USDT")
        await backfill(connection, exchange, market, *map(int, sys.argv[1:]), source="backfill")

asyncio.run(main())
"""


@pytest.mark.fault(27)
async def test_killed_between_pages_and_repeated_it_equals_one_run(
    exchange, settings, writer, pipeline_environment
):
    environment = {**pipeline_environment, "PIPELINE_EXCHANGE_URL": exchange.url}
    command = [sys.executable, "-c", BACKFILL, str(FROM_MS), str(UNTIL_MS)]
    await exchange.fault({"path": KLINES, "delay_s": 0.5})
    victim = await asyncio.create_subprocess_exec(*command, env=environment)
    try:
        await asyncio.to_thread(eventually, lambda: stored(writer), "a page to be stored")
        assert victim.returncode is None
    finally:
        victim.kill()
        await victim.wait()
    await exchange.fault()
    found = len(stored(writer))

    done = await backfill(writer, exchange.binance, BTC, FROM_MS, UNTIL_MS, source="backfill")

    assert found in (1000, 2000)
    assert (done.unchanged, done.inserted, done.revised) == (found, 2880 - found, 0)
    assert stored(writer) == await expected(exchange, markets=[BTC])
