"""Planted faults are found, repaired from the exchange's history and proved again."""

import asyncio
import sys

import pytest

from include.errors import Unavailable
from include.history.candles import backfill
from include.kpis.records import MINUTE_MS
from include.quality.audit import AuditResult, audit
from include.quality.repair import RepairResult
from include.warehouse.connection import connect
from tests.quality.conftest import (
    BTC,
    FROM_MS,
    fill,
    rows,
    statuses,
    stored_trades,
    when,
)
from tests.waiting import eventually

ALL = 2 * 30
HOLE_MS = FROM_MS + 10 * MINUTE_MS


async def audited_once(connection, settings):
    """Audit in a thread, because the exchange runs in this event loop."""
    return await asyncio.to_thread(audit, connection, settings)


def of_minute(ms):
    return "symbol = 'BTC/USDT' AND ts >= %s AND ts < %s", (when(ms), when(ms + MINUTE_MS))


async def test_complete_minutes_need_no_request(exchange, audited, writer):
    await fill(writer, exchange)
    before = await exchange.requests()

    found = await audited_once(writer, audited)

    assert found == AuditResult({"complete": ALL}, 0, RepairResult())
    assert await exchange.requests() == before


async def test_history_before_the_first_trade_is_not_audited(exchange, audited, writer):
    await fill(writer, exchange)
    history = (FROM_MS - 60 * MINUTE_MS, FROM_MS)
    await backfill(writer, exchange.binance, BTC, *history, source="stream")

    await audited_once(writer, audited)

    assert statuses(writer) == {"complete": ALL}


PLANTED = {
    "a hole": ("DELETE FROM trades WHERE trade_id % 3 = 0 AND ", "missing_trades", "some missing"),
    "a minute without trades": ("DELETE FROM trades WHERE ", "missing_trades", "our downtime"),
    "a wrong price": (
        "UPDATE trades SET price = price * 1.001 WHERE trade_id % 7 = 0 AND ",
        "mismatch",
        "wrong values",
    ),
    "a wrong amount": (
        "UPDATE trades SET amount = amount * 2 WHERE trade_id % 7 = 0 AND ",
        "mismatch",
        "wrong values",
    ),
    "a duplicate": (
        "INSERT INTO trades SELECT exchange, symbol, trade_id, first_id, last_id,"
        " ts + interval '1 microsecond', price, amount, side FROM trades"
        " WHERE trade_id % 5 = 0 AND ",
        "extra_trades",
        "wrong values",
    ),
    "a wrong vwap": (
        "UPDATE candles SET quote_volume = quote_volume * 1.01 WHERE open_ts = ",
        "mismatch",
        "wrong values",
    ),
}


@pytest.mark.parametrize("fault", PLANTED)
async def test_a_planted_fault_is_found_and_repaired(fault, exchange, audited, writer, owner):
    await fill(writer, exchange)
    await audited_once(writer, audited)
    before = stored_trades(writer)
    statement, status, cause = PLANTED[fault]
    condition, values = of_minute(HOLE_MS)
    if statement.endswith("= "):
        owner.execute(statement + "%s AND symbol = 'BTC/USDT'", values[:1])
    else:
        planted = statement.replace(" % ", " %% ") + condition
        assert owner.execute(planted, values).rowcount > 0

    found = await audited_once(writer, audited)

    assert found == AuditResult({status: 1, "complete": ALL - 1}, 1, RepairResult(1, 1, 0))
    assert stored_trades(writer) == before
    assert statuses(writer) == {"complete": ALL}
    assert rows(
        writer,
        "SELECT symbol, minute, cause, attempts, closed_at IS NOT NULL, how FROM gap_ledger",
    ) == [
        ("BTC/USDT", when(HOLE_MS), cause, 1, True, "proved complete from the exchange's history")
    ]
    removed = rows(writer, "SELECT count(*) FROM trade_corrections")[0][0]
    assert (removed > 0) == (fault in ("a wrong price", "a wrong amount", "a duplicate"))
    again = await audited_once(writer, audited)
    assert again == AuditResult({"complete": ALL}, 0, RepairResult())


async def test_twenty_missing_minutes_are_complete_again(exchange, audited, writer, owner, influx):
    await fill(writer, exchange)
    await audited_once(writer, audited)
    before = stored_trades(writer)
    window = when(FROM_MS + 5 * MINUTE_MS), when(FROM_MS + 25 * MINUTE_MS)
    owner.execute("DELETE FROM trades WHERE ts >= %s AND ts < %s", window)
    owner.execute("DELETE FROM candles WHERE open_ts >= %s AND open_ts < %s", window)

    found = await audited_once(writer, audited)

    # minutes without a candle keep their audits and failed no proof
    assert (found.opened, found.repaired) == (40, RepairResult(2, 40, 0))
    assert stored_trades(writer) == before
    assert statuses(writer) == {"complete": ALL}
    (written,) = rows(writer, "SELECT sum(seconds_written) FROM gap_ledger")[0]
    bounds = {"start": window[0], "stop": window[1]}
    in_influxdb = {row["symbol"]: row["_value"] for row in influx.rows("quality.trades", bounds)}
    assert in_influxdb == dict(
        rows(
            writer,
            "SELECT symbol, count(*) FROM trades WHERE ts >= %s AND ts < %s GROUP BY symbol",
            *window,
        )
    )
    assert written > 20


async def test_an_unavailable_exchange_leaves_the_gap_open_with_the_reason(
    exchange, audited, writer, owner
):
    await fill(writer, exchange)
    condition, values = of_minute(HOLE_MS)
    owner.execute("DELETE FROM trades WHERE " + condition, values)
    await exchange.fault({"path": "/api/v3/aggTrades", "status": 503})

    with pytest.raises(Unavailable):
        await audited_once(writer, audited)

    ((attempts, closed_at, how),) = rows(writer, "SELECT attempts, closed_at, how FROM gap_ledger")
    assert (attempts, closed_at) == (1, None)
    assert "503" in how
    await exchange.fault()
    owner.execute("UPDATE gap_ledger SET tried_at = tried_at - interval '1 day'")
    assert (await audited_once(writer, audited)).repaired == RepairResult(1, 1, 0)


async def test_an_incomplete_response_removes_no_trade(exchange, audited, writer, owner):
    await fill(writer, exchange)
    condition, values = of_minute(HOLE_MS)
    owner.execute("DELETE FROM trades WHERE trade_id %% 3 = 0 AND " + condition, values)
    before = stored_trades(writer)
    await exchange.fault({"path": "/api/v3/aggTrades", "body": []})

    found = await audited_once(writer, audited)

    assert found.repaired == RepairResult(1, 0, 0)
    assert stored_trades(writer) == before
    assert statuses(writer)["missing_trades"] == 1


async def test_concurrent_audits_take_turns(exchange, audited, settings, writer, owner):
    await fill(writer, exchange)
    before = stored_trades(writer)
    owner.execute("DELETE FROM trades WHERE ts >= %s", [when(FROM_MS + 12 * MINUTE_MS)])
    with connect(settings, application="test") as other:
        await asyncio.gather(audited_once(writer, audited), audited_once(other, audited))

    assert stored_trades(writer) == before
    assert statuses(writer) == {"complete": ALL}
    assert rows(writer, "SELECT count(*) FROM gap_ledger WHERE closed_at IS NULL") == [(0,)]
    assert rows(writer, "SELECT count(*) FROM gap_ledger") == [(2 * 18,)]


async def test_killed_between_its_steps_and_repeated_it_equals_one_run(
    exchange, audited, writer, owner, pipeline_environment
):
    await fill(writer, exchange)
    before = stored_trades(writer)
    owner.execute("DELETE FROM trades WHERE ts >= %s", [when(FROM_MS + 5 * MINUTE_MS)])
    environment = {**pipeline_environment, "PIPELINE_EXCHANGE_URL": exchange.url}
    await exchange.fault({"path": "/api/v3/aggTrades", "delay_s": 0.5})
    for stage in (
        "SELECT count(*) > 0 FROM gap_ledger",  # opened, nothing repaired
        "SELECT count(*) > 0 FROM gap_ledger WHERE repaired_at IS NOT NULL",
    ):
        victim = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "include.quality.audit", env=environment
        )
        try:
            await asyncio.to_thread(eventually, lambda s=stage: rows(writer, s)[0][0], stage)
            assert victim.returncode is None
        finally:
            victim.kill()
            await victim.wait()
        owner.execute("UPDATE gap_ledger SET tried_at = NULL")
    await exchange.fault()

    await audited_once(writer, audited)

    assert stored_trades(writer) == before
    assert statuses(writer) == {"complete": ALL}
    assert rows(
        writer, "SELECT count(*), count(closed_at), sum(trades_removed) FROM gap_ledger"
    ) == [(2 * 25, 2 * 25, 0)]
