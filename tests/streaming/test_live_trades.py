"""A market's buffer between the stream and its follower: order by id, bounds, silence."""

import asyncio

from include.kpis.records import Trade
from include.streaming.live_trades import MOST_WAITING, LiveTrades
from include.streaming.subscription import Subscription


def trade(number):
    return Trade(number, number, number, 1_762_000_000_000 + number, 1.0, 1.0, "buy")


def filled(*ids, **options):
    live = LiveTrades(**options)
    for number in ids:
        live.offer(trade(number))
    return live


def ids(trades):
    return [t.trade_id for t in trades]


def test_gives_the_run_up_to_the_first_hole():
    live = filled(7, 5, 6, 6, 9, 3)

    assert ids(live.take(4)) == [5, 6, 7]
    assert len(live) == 1
    assert ids(live.take(7)) == []
    live.offer(trade(8))
    assert ids(live.take(7)) == [8, 9]
    assert len(live) == 0


def test_completes_a_page_of_history_that_lacks_what_the_stream_brought():
    live = filled(12, 15)

    assert ids(live.completed([trade(11), trade(14)], 10)) == [11, 12, 14]
    assert ids(live.completed([trade(11), trade(12)], 10)) == [11, 12]


def test_is_bounded():
    dropped = []
    live = filled(*range(1, 26), most=10, dropped=dropped.append)

    assert len(live) == 5
    assert dropped == [10, 10]
    assert ids(live.take(20)) == [21, 22, 23, 24, 25]


def test_a_subscription_says_whose_trades_were_given_up():
    dropped = []
    subscription = Subscription(
        None, ["A/B", "C/D"], report=print, dropped=lambda *found: dropped.append(found)
    )

    for number in range(MOST_WAITING + 1):
        subscription.live["C/D"].offer(trade(number))

    assert dropped == [("C/D", MOST_WAITING)]


async def test_tells_of_what_came_while_nobody_waited():
    live = filled(1)

    assert await live.arrival(10)
    assert not await live.arrival(0)
    waiting = asyncio.create_task(live.arrival(10))
    await asyncio.sleep(0)
    live.offer(trade(2))
    assert await waiting


def test_is_silent_when_it_misses_turn_after_turn_without_a_word():
    found = []
    live = LiveTrades(silent=lambda: found.append("silent"))
    live.is_connected = True

    live.judge(missed=True)
    live.offer(trade(1))
    live.judge(missed=True)  # it spoke
    live.judge(missed=True)
    live.judge(missed=False)  # a quiet market
    live.judge(missed=True)
    assert found == []
    live.judge(missed=True)
    assert found == ["silent"]


def test_is_not_silent_while_it_is_not_connected():
    live = LiveTrades(silent=lambda: 1 / 0)
    for _ in range(5):
        live.judge(missed=True)
