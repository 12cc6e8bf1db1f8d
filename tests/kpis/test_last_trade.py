"""The newest price, told before its second is over."""

from include.kpis.fold import Fold
from include.kpis.points import LastTradePoint
from include.kpis.records import Trade, Trades
from tests.kpis.simulated import START_MS


def trade(trade_id, ts_ms, price, first_id=7):
    return Trade(trade_id, first_id, first_id, ts_ms, price, 1.0, "buy")


def told(fold, *trades):
    points = fold.update(Trades("binance", "BTC/USDT", 0, trades))
    return [point for point in points if isinstance(point, LastTradePoint)]


def test_is_the_newest_price_at_the_start_of_its_second():
    batch = trade(1, START_MS + 100, 10.0), trade(2, START_MS + 1_900, 11.0)

    assert told(Fold(), *batch) == [
        LastTradePoint("binance", "BTC/USDT", START_MS + 1_000, {"price": 11.0})
    ]


def test_a_void_trade_has_no_price():
    good, void = trade(1, START_MS, 10.0), trade(2, START_MS + 1_000, 99.0, first_id=-1)

    assert [point.values for point in told(Fold(), good, void)] == [{"price": 10.0}]
    assert told(Fold(), void) == []


def test_a_trade_told_again_is_not_the_newest():
    fold = Fold()
    first, second = trade(1, START_MS, 10.0), trade(2, START_MS + 100, 11.0)
    told(fold, first, second)

    assert told(fold, first) == []
    assert told(fold, first, second) == []
