"""The REST API, read by unmodified ccxt."""

from collections import defaultdict
from decimal import Decimal

import ccxt
import ccxt.async_support
import pytest

from include.errors import Misconfigured
from include.simulator.server import serve_market

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


@pytest.fixture(scope="module")
def clock(set_clock):
    return set_clock()


@pytest.fixture(scope="module")
def served(serve, generate, clock):
    return serve(generate(clock))


@pytest.fixture(scope="module")
def exchange(served):
    exchange = served.exchange()
    exchange.load_markets()
    return exchange


@pytest.fixture(autouse=True)
def _same_moment(clock):
    yield
    clock.at_ms = type(clock)().at_ms


def sum_kline(trades):
    """Sum aggregate trades of the API to a kline, in Decimal."""
    prices = [Decimal(t["p"]) for t in trades]
    buys = [t for t in trades if not t["m"]]

    def volumes(rows):
        return (
            sum(Decimal(t["q"]) for t in rows),
            sum(Decimal(t["p"]) * Decimal(t["q"]) for t in rows),
        )

    return (
        (prices[0], max(prices), min(prices), prices[-1]),
        volumes(trades),
        sum(t["l"] - t["f"] + 1 for t in trades),
        volumes(buys),
    )


def read(kline):
    numbers = [Decimal(k) if isinstance(k, str) else k for k in kline]
    return (
        tuple(numbers[1:5]),
        (numbers[5], numbers[7]),
        numbers[8],
        (numbers[9], numbers[10]),
    )


def test_markets_have_their_ticks_and_lots(exchange):
    assert set(exchange.markets) == {"BTC/USDT", "ETH/USDT", "LRC/BTC"}
    assert exchange.market("BTC/USDT")["precision"]["price"] == 0.01
    assert exchange.market("BTC/USDT")["precision"]["amount"] == 1e-5
    assert exchange.market("LRC/BTC")["precision"]["price"] == 1e-8
    assert all(m["active"] and m["spot"] for m in exchange.markets.values())


def test_markets_can_be_loaded_by_name(served):
    some = served.exchange()
    some.load_markets(False, {"symbols": '["BTCUSDT","ETHUSDT"]'})
    assert set(some.markets) == {"BTC/USDT", "ETH/USDT"}
    info = served.get("/api/v3/exchangeInfo?symbol=LRCBTC&showPermissionSets=false")
    assert [s["symbol"] for s in info["symbols"]] == ["LRCBTC"]
    assert info["symbols"][0]["permissionSets"] == []


def test_paging_by_id_gives_every_trade_once_and_klines_are_their_sums(exchange, clock):
    start_ms = clock.at_ms - HOUR_MS
    page = exchange.publicGetAggTrades({"symbol": "ETHUSDT", "startTime": start_ms, "limit": 1})
    trades, next_id = [], int(page[0]["a"])
    while page:
        page = exchange.publicGetAggTrades({"symbol": "ETHUSDT", "fromId": next_id, "limit": 1000})
        trades += page
        next_id = int(trades[-1]["a"]) + 1
    ids = [int(t["a"]) for t in trades]
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    assert len(ids) > 2000
    by_minute = defaultdict(list)
    for t in trades:
        row = t | {"f": int(t["f"]), "l": int(t["l"])}
        by_minute[int(t["T"]) // MINUTE_MS * MINUTE_MS].append(row)
    klines = exchange.publicGetKlines(
        {"symbol": "ETHUSDT", "interval": "1m", "startTime": start_ms, "endTime": clock.at_ms - 1}
    )
    assert [int(k[0]) for k in klines] == list(range(start_ms, clock.at_ms, MINUTE_MS))
    for kline in klines:
        if int(kline[8]):
            assert read([*kline[:8], int(kline[8]), *kline[9:]]) == sum_kline(
                by_minute[int(kline[0])]
            )
        else:
            assert int(kline[0]) not in by_minute
            assert len({Decimal(price) for price in kline[1:5]}) == 1


def test_paging_by_time_gives_the_same_trades(exchange, clock):
    start_ms = clock.at_ms - 40 * MINUTE_MS
    first, *_ = exchange.publicGetAggTrades({"symbol": "BTCUSDT", "startTime": start_ms})
    by_id = []
    for i in range(3):
        by_id += exchange.publicGetAggTrades(
            {"symbol": "BTCUSDT", "fromId": int(first["a"]) + 1000 * i, "limit": 1000}
        )
    seen, since = {}, start_ms
    while len(page := exchange.fetch_trades("BTC/USDT", since, 1000)) == 1000:
        seen |= {t["id"]: t["info"] for t in page}
        since = page[-1]["timestamp"]
    seen |= {t["id"]: t["info"] for t in page}
    assert list(seen.values())[:3000] == by_id


def test_an_end_alone_gives_the_latest_trades_before_it(served, clock):
    end_ms = clock.at_ms - 5 * MINUTE_MS
    path = f"/api/v3/aggTrades?symbol=BTCUSDT&endTime={end_ms}"
    found = served.get(path)
    assert len(found) == 500
    after = served.get(f"/api/v3/aggTrades?symbol=BTCUSDT&fromId={found[-1]['a'] + 1}&limit=1")
    assert found[-1]["T"] <= end_ms < after[0]["T"]
    window = served.get(f"{path}&startTime={end_ms - MINUTE_MS}&limit=1000")
    assert all(end_ms - MINUTE_MS <= t["T"] <= end_ms for t in window)


def test_future_trades_are_not_served(served, clock):
    latest = served.get("/api/v3/aggTrades?symbol=BTCUSDT&limit=1")[0]
    later = f"/api/v3/aggTrades?symbol=BTCUSDT&fromId={latest['a'] + 1}"
    assert latest["T"] <= clock.at_ms
    assert served.get(later) == []
    assert served.get(f"/api/v3/aggTrades?symbol=BTCUSDT&startTime={clock.at_ms + 1}") == []
    future = clock.at_ms + MINUTE_MS
    assert served.get(f"/api/v3/klines?symbol=BTCUSDT&interval=1m&startTime={future}") == []
    clock.at_ms += MINUTE_MS
    assert served.get(later)[0]["a"] == latest["a"] + 1


def test_the_last_kline_is_open_and_grows(served, clock):
    clock.at_ms += 20_000
    path = "/api/v3/klines?symbol=ETHUSDT&interval=1m&limit=2"
    closed, open_now = served.get(path)
    assert open_now[0] == clock.at_ms // MINUTE_MS * MINUTE_MS
    assert closed[6] == open_now[0] - 1
    clock.at_ms += 35_000
    again, grown = served.get(path)
    assert again == closed
    assert grown[0] == open_now[0]
    assert grown[8] > open_now[8]


@pytest.mark.parametrize(
    ("interval", "minutes"), [("5m", 5), ("15m", 15), ("1h", 60), ("1d", 1440)]
)
def test_longer_klines_are_sums_of_minutes(served, clock, interval, minutes):
    clock.at_ms += 17 * MINUTE_MS + 3_000
    *_, last_closed, still_open = served.get(
        f"/api/v3/klines?symbol=BTCUSDT&interval={interval}&limit=3"
    )
    for kline in (last_closed, still_open):
        parts = []
        for start_ms in range(kline[0], kline[6], 1000 * MINUTE_MS):
            parts += served.get(
                "/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=1000"
                f"&startTime={start_ms}&endTime={kline[6]}"
            )
        assert len(parts) == min(minutes, (clock.at_ms - kline[0]) // MINUTE_MS + 1)
        traded = [read(p) for p in parts if p[8]]
        prices, volumes, count, buys = zip(*traded, strict=True)
        assert read(kline) == (
            (prices[0][0], max(p[1] for p in prices), min(p[2] for p in prices), prices[-1][3]),
            tuple(map(sum, zip(*volumes, strict=True))),
            sum(count),
            tuple(map(sum, zip(*buys, strict=True))),
        )


def test_fetch_ohlcv_pages_without_gaps(exchange, clock):
    start_ms, rows = clock.at_ms - 2500 * MINUTE_MS, []
    while not rows or rows[-1][0] < clock.at_ms:
        since = rows[-1][0] + MINUTE_MS if rows else start_ms
        rows += exchange.fetch_ohlcv("BTC/USDT", "1m", since, 1000)
    assert [r[0] for r in rows] == list(range(start_ms, clock.at_ms + 1, MINUTE_MS))
    assert all(r[3] <= min(r[1], r[4]) <= max(r[1], r[4]) <= r[2] for r in rows)


def test_the_ticker_is_the_rolling_day_and_the_book(served, exchange, clock):
    clock.at_ms += 12_345
    raw = served.get("/api/v3/ticker/24hr?symbol=BTCUSDT")
    assert raw["closeTime"] == clock.at_ms
    assert 0 <= raw["openTime"] - (clock.at_ms - 24 * HOUR_MS) <= MINUTE_MS
    klines = []
    for start_ms in (raw["openTime"], raw["openTime"] + 1000 * MINUTE_MS):
        klines += served.get(
            f"/api/v3/klines?symbol=BTCUSDT&interval=1m&startTime={start_ms}&limit=1000"
        )
    traded = [k for k in klines if k[8]]
    quote, base = (sum(Decimal(k[i]) for k in klines) for i in (7, 5))
    assert Decimal(raw["volume"]) == base
    assert Decimal(raw["quoteVolume"]) == quote
    assert abs(Decimal(raw["weightedAvgPrice"]) - quote / base) <= Decimal("5e-9")
    assert raw["count"] == sum(k[8] for k in klines) == raw["lastId"] - raw["firstId"] + 1
    assert raw["openPrice"] == traded[0][1]
    assert Decimal(raw["highPrice"]) == max(Decimal(k[2]) for k in traded)
    assert Decimal(raw["lowPrice"]) == min(Decimal(k[3]) for k in traded)
    last = served.get("/api/v3/aggTrades?symbol=BTCUSDT&limit=1")[0]
    assert (raw["lastPrice"], raw["lastQty"], raw["lastId"]) == (last["p"], last["q"], last["l"])
    top = served.get("/api/v3/ticker/bookTicker?symbol=BTCUSDT")
    assert {k: raw[k] for k in top} == top
    ticker = exchange.fetch_ticker("BTC/USDT")
    assert ticker["timestamp"] == clock.at_ms
    assert ticker["vwap"] == float(raw["weightedAvgPrice"])
    assert ticker["percentage"] == pytest.approx(
        (ticker["close"] / ticker["open"] - 1) * 100, abs=6e-4
    )
    assert not [k for k in ("bid", "ask", "high", "low", "bidVolume") if ticker[k] is None]


def test_tickers_of_several_symbols(served, exchange):
    assert set(exchange.fetch_tickers(["BTC/USDT", "LRC/BTC"])) == {"BTC/USDT", "LRC/BTC"}
    assert set(exchange.fetch_bids_asks(["ETH/USDT"])) == {"ETH/USDT"}
    assert len(served.get("/api/v3/ticker/24hr")) == 3
    assert "bidPrice" not in served.get("/api/v3/ticker/24hr?symbol=BTCUSDT&type=MINI")


@pytest.mark.parametrize(("limit", "levels"), [(None, 100), (5, 5), (1000, 1000), (9999, 5000)])
def test_fetch_order_book(exchange, limit, levels):
    book = exchange.fetch_order_book("BTC/USDT", limit)
    assert len(book["bids"]) == len(book["asks"]) == levels
    assert book["bids"][0][0] < book["asks"][0][0]
    assert book["nonce"] == exchange.fetch_order_book("BTC/USDT", 5)["nonce"]


def test_raw_trades_are_the_parts_of_aggregates(served):
    raw = served.get("/api/v3/trades?symbol=BTCUSDT&limit=1000")
    assert [t["id"] for t in raw] == list(range(raw[0]["id"], raw[0]["id"] + 1000))
    by_id = {t["id"]: t for t in raw}
    aggregates = served.get("/api/v3/aggTrades?symbol=BTCUSDT&limit=500")
    assert aggregates[-1]["l"] == raw[-1]["id"]
    for a in aggregates:
        parts = [by_id[i] for i in range(a["f"], a["l"] + 1)]
        assert sum(Decimal(p["qty"]) for p in parts) == Decimal(a["q"])
        assert {(p["price"], p["time"], p["isBuyerMaker"]) for p in parts} == {
            (a["p"], a["T"], a["m"])
        }
        assert sum(Decimal(p["quoteQty"]) for p in parts) == Decimal(a["p"]) * Decimal(a["q"])


@pytest.mark.parametrize(
    ("path", "code", "kind"),
    [
        ("klines?symbol=NOPE&interval=1m", -1121, ccxt.BadSymbol),
        ("ticker/24hr?symbol=NOPE", -1121, ccxt.BadSymbol),
        ('exchangeInfo?symbols=["BTCUSDT","NOPE"]', -1121, ccxt.BadSymbol),
        ("depth", -1102, ccxt.BadRequest),
        ("klines?symbol=BTCUSDT", -1102, ccxt.BadRequest),
        ("klines?symbol=BTCUSDT&interval=7m", -1120, ccxt.BadRequest),
        ("klines?symbol=BTCUSDT&interval=1m&limit=x", -1100, ccxt.BadRequest),
        ("klines?symbol=BTCUSDT&interval=1m&startTime=-1", -1100, ccxt.BadRequest),
        ("depth?symbol=BTC%0AUSDT", -1100, ccxt.BadRequest),
        ("exchangeInfo?symbols=nonsense", -1100, ccxt.BadRequest),
        ("exchangeInfo?symbol=BTCUSDT&symbols=[]", -1128, ccxt.BadRequest),
        ("aggTrades?symbol=BTCUSDT&fromId=1&startTime=2", -1128, ccxt.BadRequest),
        ("aggTrades?symbol=BTCUSDT&limit=0", -1130, ccxt.BadRequest),
        ("time?symbol=BTCUSDT", -1104, ccxt.BadRequest),
        ("depth?symbol=BTCUSDT&symbol=ETHUSDT", -1101, ccxt.BadRequest),
    ],
)
def test_errors_have_binances_code_and_ccxts_class(served, exchange, path, code, kind):
    status, answer = served.request("GET", "/api/v3/" + path.replace('"', "%22"))
    assert (status, answer["code"]) == (400, code)
    with pytest.raises(kind, match=str(code)):
        exchange.fetch(f"{served.address}/api/v3/" + path.replace('"', "%22"))


def test_an_unknown_path_is_404(served):
    assert served.request("GET", "/api/v3/nothing") == (
        404,
        {"code": -5000, "msg": "Path /api/v3/nothing, Method GET is invalid"},
    )
    assert served.request("POST", "/api/v3/time", {})[0] == 404


def test_the_used_weight_is_reported_and_grows(exchange):
    def used():
        return int(exchange.last_response_headers["X-Mbx-Used-Weight-1m"])

    steps = []
    for _ in range(3):  # a minute may end in between, which starts again from 0
        exchange.fetch_order_book("BTC/USDT", 5)
        before = used()
        exchange.fetch_order_book("BTC/USDT", 1000)
        steps.append(used() - before)
    assert 50 in steps


def test_the_state_counts_requests(served, clock):
    before = served.get("/_control/state")
    served.get("/api/v3/time")
    served.get("/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=1")
    state = served.get("/_control/state")
    assert state["requests"]["/api/v3/time"] == before["requests"].get("/api/v3/time", 0) + 1
    assert state["now_ms"] == clock.at_ms
    assert (state["market"], state["done"]) == ("generated", False)
    assert state["symbols"] == ["BTC/USDT", "ETH/USDT", "LRC/BTC"]
    last = served.get("/api/v3/aggTrades?symbol=LRCBTC&limit=1")[0]["a"]
    assert state["last_trade_id"]["LRC/BTC"] == last
    asked = served.get("/_control/requests")
    assert ["/api/v3/time", ""] in [row[1:] for row in asked]
    assert asked[-1][1:] == ["/api/v3/aggTrades", "symbol=LRCBTC&limit=1"]


async def test_async_ccxt_reads_the_api(served, clock):
    exchange = ccxt.async_support.binance(served.settings())
    try:
        await exchange.load_markets()
        assert await exchange.fetch_time() == clock.at_ms
        assert (await exchange.fetch_ticker("BTC/USDT"))["timestamp"] == clock.at_ms
        assert len((await exchange.fetch_order_book("ETH/USDT", 20))["bids"]) == 20
        assert len(await exchange.fetch_trades("BTC/USDT", limit=1000)) == 1000
        assert len(await exchange.fetch_ohlcv("BTC/USDT", "1m", limit=1000)) == 1000
    finally:
        await exchange.close()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "8.8.8.8"])
async def test_public_hosts_are_rejected(generate, host):
    with pytest.raises(Misconfigured, match=r"127\.0\.0\.1 or a private address only"):
        async with serve_market(generate(), port=0, host=host):
            pytest.fail("a public host was served")


async def test_a_host_may_be_a_name(generate):
    """
    As in a container, whose name is an address of a private network.
    """
    async with serve_market(generate(), port=0, host="localhost") as address:
        assert address.startswith("http://localhost:")
