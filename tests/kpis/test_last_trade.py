"""The newest price, told before its second is over."""

from include.kpis.last_trade import last_trade
from include.kpis.points import LastTradePoint
from include.kpis.records import Trade, Trades
from tests.kpis.simulated import START_MS


def trade(trade_id, ts_ms, price, first_id=7):
    return Trade(trade_id, first_id, first_id, ts_ms, price, 1.0, "buy")


def test_is_the_newest_price_at_the_start_of_its_second():
    batch = (trade(1, START_MS + 100, 10.0), trade(2, START_MS + 1_900, 11.0))

    assert last_trade(Trades("binance", "BTC/USDT", 0, batch)) == LastTradePoint(
        "binance", "BTC/USDT", START_MS + 1_000, {"price": 11.0}
    )


def test_a_void_trade_has_no_price():
    good, void = trade(1, START_MS, 10.0), trade(2, START_MS + 1_000, 99.0, first_id=-1)

    assert last_trade(Trades("binance", "BTC/USDT", 0, (good, void))).values == {"price": 10.0}
    assert last_trade(Trades("binance", "BTC/USDT", 0, (void,))) is None
