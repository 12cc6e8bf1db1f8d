"""The buffer between a stream and its feed: order by id, bounds, silence."""

import asyncio

from include.kpis.records import Trade
from include.streaming.subscription import Subscription
from include.streaming.trade_feed import MAX_BUFFERED_TRADES, TradeBuffer


def trade(number):
    return Trade(number, number, number, 1_762_000_000_000 + number, 1.0, 1.0, "buy")


def filled(*ids, **options):
    buffer = TradeBuffer(**options)
    for number in ids:
        buffer.put(trade(number))
    return buffer


def ids(trades):
    return [t.trade_id for t in trades]


def test_pops_the_trades_up_to_the_first_gap():
    buffer = filled(7, 5, 6, 6, 9, 3)

    assert ids(buffer.pop(4)) == [5, 6, 7]
    assert len(buffer) == 1
    assert ids(buffer.pop(7)) == []
    buffer.put(trade(8))
    assert ids(buffer.pop(7)) == [8, 9]
    assert len(buffer) == 0


def test_fills_a_page_of_history_with_trades_that_only_the_stream_has():
    buffer = filled(12, 15)

    assert ids(buffer.fill_page([trade(11), trade(14)], 10)) == [11, 12, 14]
    assert ids(buffer.fill_page([trade(11), trade(12)], 10)) == [11, 12]


def test_is_bounded():
    dropped = []
    buffer = filled(*range(1, 26), max_trades=10, on_dropped=dropped.append)

    assert len(buffer) == 5
    assert dropped == [10, 10]
    assert ids(buffer.pop(20)) == [21, 22, 23, 24, 25]


def test_a_subscription_reports_the_symbol_of_dropped_trades():
    dropped = []
    subscription = Subscription(
        None, ["A/B", "C/D"], report=print, on_dropped=lambda *found: dropped.append(found)
    )

    for number in range(MAX_BUFFERED_TRADES + 1):
        subscription.buffers["C/D"].put(trade(number))

    assert dropped == [("C/D", MAX_BUFFERED_TRADES)]


async def test_a_trade_that_arrived_before_the_wait_ends_it():
    buffer = filled(1)

    assert await buffer.wait_for_trade(10)
    assert not await buffer.wait_for_trade(0)
    waiting = asyncio.create_task(buffer.wait_for_trade(10))
    await asyncio.sleep(0)
    buffer.put(trade(2))
    assert await waiting


def test_is_silent_after_two_polls_that_missed_trades_without_a_message():
    found = []
    buffer = TradeBuffer(on_silent=lambda: found.append("silent"))
    buffer.is_connected = True

    buffer.record_poll(missed=True)
    buffer.put(trade(1))
    buffer.record_poll(missed=True)  # after a message
    buffer.record_poll(missed=True)
    buffer.record_poll(missed=False)  # no trades in the market
    buffer.record_poll(missed=True)
    assert found == []
    buffer.record_poll(missed=True)
    assert found == ["silent"]


def test_is_not_silent_while_it_is_not_connected():
    buffer = TradeBuffer(on_silent=lambda: 1 / 0)
    for _ in range(5):
        buffer.record_poll(missed=True)
