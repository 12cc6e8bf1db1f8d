"""Recorded markets: known values of two real tapes, and small tapes made by the tests."""

import gzip
import json
from bisect import bisect_right

import msgspec
import pytest

from include.errors import Misconfigured
from include.simulator.clock import PacedClock
from include.simulator.history import History
from include.simulator.tape_market import TapeMarket

MINUTE_MS = 60_000
MIDNIGHT_MS = 1_723_161_600_000  # 2024-08-09T00:00Z


@pytest.fixture(scope="module")
def market(tapes):
    return TapeMarket(tapes, speed=None)


@pytest.mark.parametrize(
    ("minute", "prices", "volume", "vwap", "trades"),
    [
        (-2, ("61652.00", "61745.27", "61583.22", "61717.63"), "77.14202", 61660.8623, 3216),
        (-1, (None, None, None, "61685.99"), "32.41946", 61707.0515, 1312),
        (0, ("61686.00", None, None, "61631.79"), "34.08180", 61689.4706, 1824),
    ],
)
def test_candles_equal_the_known_values(market, minute, prices, volume, vwap, trades):
    symbol, open_ms = market.symbols[0], MIDNIGHT_MS + minute * MINUTE_MS
    (candle,) = History(market).candles(symbol, MINUTE_MS, open_ms, open_ms, market.end_ms)
    for got, expected in zip(candle[1:5], prices, strict=True):
        assert expected is None or symbol.format_price(got) == expected + "000000"
    assert symbol.format_amount(candle.lots) == volume + "000"
    assert candle.quote / candle.lots / 100 == pytest.approx(vwap, abs=5e-5)
    assert candle.trades == trades


def test_all_recorded_trades_are_served(market):
    symbol, history = market.symbols[0], History(market)
    rows = history.trades(symbol, 0, 2**60, market.end_ms)
    assert len(rows) == 9_757 + 10_147
    assert all(t.first_raw == t.last_raw == t.trade_id for t in rows)
    ids = [t.trade_id for t in rows]
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    candles = history.candles(symbol, MINUTE_MS, 0, market.end_ms, market.end_ms)
    assert sum(c.trades for c in candles) == len(rows)
    assert sum(c.quote for c in candles) == sum(t.price_ticks * t.lots for t in rows)
    assert history.day_stats(symbol, market.end_ms).trades == len(rows)


# Two updates end just after a best bid, added and removed within them, was gone; the exchange sent
# the next bookTicker comes a few ids later, so that the latest one still has that bid.
TICKER_SKIPPED = {50_093_478_174: "61565.10000000", 50_093_480_542: "61556.11000000"}


def test_after_each_update_the_best_quotes_are_those_of_the_book_ticker(tapes):
    """The book from the updates has the exchange's own best bid and ask."""
    market = TapeMarket(tapes, speed=None)
    symbol, tops, updates, first_id = market.symbols[0], {}, {}, 0
    for path in tapes:
        with gzip.open(path, "rb") as file:
            for line in file:
                message = msgspec.json.decode(line.partition(b" ")[2])
                first_id = message.get("lastUpdateId", first_id)
                data = message.get("data", {})
                if data.get("e") == "depthUpdate":
                    updates[data["u"]] = data
                elif data and "e" not in data:
                    tops[data["u"]] = (data["b"], data["B"], data["a"], data["A"])
    ids, checked, skipped = sorted(tops), 0, {}
    for update_id, update in updates.items():
        if update_id <= first_id:
            continue
        book = market.book(symbol, 1, update["E"])
        assert book.last_update_id == update_id
        (bid, bid_lots), (ask, ask_lots) = book.bids[0], book.asks[0]
        computed = (
            symbol.format_price(bid),
            symbol.format_amount(bid_lots),
            symbol.format_price(ask),
            symbol.format_amount(ask_lots),
        )
        recorded = tops[ids[bisect_right(ids, update_id) - 1]]
        if computed == recorded:
            checked += 1
        else:
            skipped[update_id] = recorded[0]
            assert computed[2:] == recorded[2:]
            assert recorded[0] not in [price for price, amount in update["b"] if float(amount)]
    assert skipped == TICKER_SKIPPED
    assert checked == 6_491


def test_ccxt_reads_a_real_tape_to_its_end(serve, tapes):
    served = serve(TapeMarket(tapes, speed=None, step_ms=20_000))
    exchange = served.exchange()
    exchange.load_markets()
    tickers = 0
    while not served.get("/_control/state")["done"]:
        ticker, book = exchange.fetch_ticker("BTC/USDT"), exchange.fetch_order_book("BTC/USDT", 20)
        assert exchange.fetch_time() == ticker["timestamp"]
        assert ticker["bid"] == book["bids"][0][0]
        assert ticker["low"] <= ticker["last"] <= ticker["high"]
        tickers += 1
    assert tickers == 33  # of 650 s
    last = served.get("/_control/state")["last_trade_id"]["BTC/USDT"]
    assert last == 3_735_683_259 + 9_757 + 10_147 - 1


def trade(t, ts_ms, price="100.00000000", amount="1.00000000", symbol="BTCUSDT"):
    data = {"e": "trade", "E": ts_ms, "s": symbol, "t": t, "p": price, "q": amount, "T": ts_ms}
    return {"stream": "x@trade", "data": data | {"m": t % 2 == 0, "M": True}}


def depth(first, last, ts_ms, bids=(), asks=()):
    data = {"e": "depthUpdate", "E": ts_ms, "s": "BTCUSDT", "U": first, "u": last}
    return {"stream": "x@depth", "data": data | {"b": list(bids), "a": list(asks)}}


def level(price, amount):
    return [f"{price}.00000000", f"{amount}.00000000"]


SNAPSHOT = {"lastUpdateId": 10, "bids": [level(99, 1)], "asks": [level(101, 2), level(102, 3)]}
GOOD = [
    depth(5, 9, 1000, bids=[level(50, 9)]),  # the snapshot already holds it
    depth(10, 12, 1100, asks=[level(101, 0)]),  # and part of this one
    SNAPSHOT,
    trade(7, 1200),
    depth(13, 14, 1300, bids=[level(100, 5)]),
    trade(8, 61_250, price="100.50000000"),
    trade(9, 61_250),
]


@pytest.fixture
def write(tmp_path):
    def tape(messages, name="tape.gz"):
        path = tmp_path / name
        lines = "".join(f"{i} {json.dumps(m)}\n" for i, m in enumerate(messages))
        path.write_bytes(gzip.compress(lines.encode()))
        return path

    return tape


def test_a_tape_without_a_snapshot_fills_its_book_from_the_updates(serve, write):
    """
    The second half of a recording can be replayed; unchanged levels are not in its book.
    """
    half = [m for m in GOOD if m is not SNAPSHOT]
    served = serve(TapeMarket((write(half),), speed=None, step_ms=30_000))

    served.get("/api/v3/ticker/24hr?symbol=BTCUSDT")
    book = served.get("/api/v3/depth?symbol=BTCUSDT")

    assert book == {"lastUpdateId": 14, "bids": [level(100, 5), level(50, 9)], "asks": []}


def test_a_small_tape_is_replayed_in_steps(serve, write):
    served = serve(TapeMarket((write(GOOD),), speed=None, step_ms=30_000))
    assert served.get("/api/v3/time") == {"serverTime": 1200}
    depth_path, ticker = "/api/v3/depth?symbol=BTCUSDT", "/api/v3/ticker/24hr?symbol=BTCUSDT"
    assert served.get(depth_path) == {
        "lastUpdateId": 12,
        "bids": [level(99, 1)],
        "asks": [level(102, 3)],
    }
    assert served.request("GET", "/api/v3/ticker/24hr?symbol=NOPE")[0] == 400
    assert served.get("/api/v3/time") == {"serverTime": 1200}
    assert served.get(ticker)["closeTime"] == 31_200
    assert served.get(depth_path)["bids"] == [level(100, 5), level(99, 1)]
    assert len(served.get("/api/v3/aggTrades?symbol=BTCUSDT")) == 1
    assert not served.get("/_control/state")["done"]
    served.get(ticker)
    assert served.get(ticker)["count"] == 3
    assert served.get("/_control/state")["done"]
    assert served.get("/api/v3/time") == {"serverTime": 61_250}
    klines = served.get("/api/v3/klines?symbol=BTCUSDT&interval=1m")
    assert [(k[0], k[5], k[8]) for k in klines] == [(0, "1.00000000", 1), (60_000, "2.00000000", 2)]
    assert [t["a"] for t in served.get("/api/v3/aggTrades?symbol=BTCUSDT&startTime=61250")] == [
        8,
        9,
    ]


def test_tapes_of_one_recording_continue_and_may_overlap(write):
    paths = (write(GOOD[:5], "a.gz"), write(GOOD[3:], "b.gz"))
    market, whole = TapeMarket(paths), TapeMarket((write(GOOD),))
    symbol = market.symbols[0]
    for one in (market, whole):
        assert len(History(one).trades(symbol, 0, 99, one.end_ms)) == 3
    assert market.book(symbol, 9, 99_999) == whole.book(symbol, 9, 99_999)


def test_a_paced_clock_has_its_speed_and_stops():
    elapsed_s = [0.0]
    clock = PacedClock(1_000, 61_000, 10.0, monotonic_s=lambda: elapsed_s[0])
    elapsed_s[0] = 2.5
    assert (clock.now_ms(), clock.until_ms()) == (26_000, 61_000)
    elapsed_s[0] = 7.0
    assert (clock.now_ms(), clock.until_ms()) == (61_000, 61_000)


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([], "expected trades"),
        ([SNAPSHOT], "expected trades"),
        ([trade(1, 1)], "depth updates"),
        ([*GOOD, trade(11, 70000)], "line 8: expected trade 10 next, found 11"),
        ([*GOOD, trade(10, 5)], "line 8: trade 10 is older"),
        ([*GOOD, depth(17, 18, 70000)], "line 8: expected depth update 15 next, found 17"),
        ([*GOOD, trade(10, 70000, symbol="ETHUSDT")], "expected one symbol"),
        ([*GOOD, trade(10, 70000, price="1.5")], "eight decimals"),
        ([*GOOD, trade(10, 70000, price="x.00000000")], "line 8: invalid literal"),
        ([*GOOD, ["not", "a", "message"]], "line 8: Expected"),
        ([SNAPSHOT, trade(1, 1, symbol="ABCXYZ"), depth(11, 12, 2)], "quote currency"),
    ],
)
def test_an_invalid_tape_names_the_line(write, messages, expected):
    with pytest.raises(Misconfigured, match=expected):
        TapeMarket((write(messages),))


def test_a_damaged_or_missing_file_is_named(write, tmp_path):
    path = write(GOOD)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(Misconfigured, match="expected a complete gzip file"):
        TapeMarket((path,))
    with pytest.raises(Misconfigured, match="no such file"):
        TapeMarket((tmp_path / "none.gz",))
    path.write_text("plain text\n")
    with pytest.raises(Misconfigured, match="expected a complete gzip file"):
        TapeMarket((path,))
