"""Seeded market events: snapshots, trades, candles, with floats of every magnitude."""

import random

from include.kpis.records import MINUTE_MS, Candle, Event, Gap, Level, MarketSnapshot, Trade, Trades

START_MS = 1_709_164_800_000  # 2024-02-29 00:00 UTC
MIDNIGHT_MS = START_MS + 86_400_000
MARKETS = (("binance", "BTC/USDT"), ("binance", "PEPE/USDT"), ("kraken", "ETH/USD:USD"))


def snapshot(
    market: tuple[str, str] = MARKETS[0], ts_ms: int = START_MS, close: float = 97.1
) -> MarketSnapshot:
    """Return a snapshot with a book of one level a side."""
    book = ((Level(close * 0.999, 1.5),), (Level(close * 1.001, 2.5),))
    volumes = (1234.5, 1234.5 * close)
    return MarketSnapshot(*market, ts_ms, ts_ms + 40, close, close, close, close, *volumes, *book)


def trade(trade_id: int, ts_ms: int, price: float = 97.1, amount: float = 0.25) -> Trade:
    return Trade(trade_id, 2 * trade_id, 2 * trade_id + 1, ts_ms, price, amount, "buy")


def candle(market: tuple[str, str] = MARKETS[0], open_ts_ms: int = START_MS) -> Candle:
    return Candle(*market, open_ts_ms, open_ts_ms + 61_000, 2.0, 4.0, 1.0, 3.0, 10.0, 25.0, 7)


def history(seed: int, batches: int, trades_per_batch: int = 40) -> list[Event]:
    """
    Return, for each batch, trades of one minute of a market, its candle, a snapshot; no key twice.

    The markets take turns, a minute an hour. Prices span 1e-8 to 1e5 and use all 53 bits.
    """
    chance = random.Random(seed)
    events: list[Event] = []
    for number in range(batches):
        market = MARKETS[number % len(MARKETS)]
        minute = number // len(MARKETS)
        open_ts_ms = START_MS + minute * 60 * 60_000
        price = 10 ** chance.uniform(-8, 5)
        first = number * trades_per_batch
        trades = tuple(
            Trade(
                first + i,
                3 * (first + i) if chance.random() > 0.01 else -1,
                3 * (first + i) + chance.randrange(3) if chance.random() > 0.01 else 2**62,
                open_ts_ms + i * 1_000 + chance.randrange(1_000),
                price * chance.uniform(0.99, 1.01),
                10 ** chance.uniform(-8, 6),
                chance.choice(("buy", "sell")),
            )
            for i in range(trades_per_batch)
        )
        prices = [t.price for t in trades]
        ohlc = (prices[0], max(prices), min(prices), prices[-1])
        volume = sum(t.amount for t in trades)
        events += [
            Trades(*market, open_ts_ms, trades),
            Candle(*market, open_ts_ms, open_ts_ms + 61_000, *ohlc, volume, None, None),
            snapshot(market, open_ts_ms + 59_999, prices[-1]),
        ]
    return events


def evening(seed: int, warm_up: int = 240, minutes: int = 60) -> list[Event]:
    """
    Return minutes across midnight of each market, in the order of a producer after its start.

    First come *warm_up* candles, so that the 250th candle is the tenth live one. Each minute then
    has trades, snapshots and a closed candle. Some pages and snapshots are repeated, and some
    minutes have no trades or no candle. Events of the markets are interleaved.
    """
    chance = random.Random(seed)
    lasts = dict.fromkeys(MARKETS, (10 ** chance.uniform(-5, 5), 0))
    events: list[Event] = []
    for minute in range(-warm_up, minutes):
        open_ts_ms = MIDNIGHT_MS + (minute - 2 * minutes // 3) * MINUTE_MS
        for market in MARKETS:
            page = _page(chance, open_ts_ms, *lasts[market])
            prices = [t.price for t in page] or [lasts[market][0]]
            lasts[market] = prices[-1], lasts[market][1] + len(page)
            if minute >= 0 and page:
                times = sorted(open_ts_ms + chance.randrange(MINUTE_MS) for _ in range(4))
                published = [Trades(*market, open_ts_ms, page)]
                published += [snapshot(market, ts_ms, prices[-1]) for ts_ms in times]
                events += published + chance.choices(published, k=chance.randrange(3))
            if chance.random() > 0.03 or minute == -warm_up:
                ohlc = (prices[0], max(prices), min(prices), prices[-1])
                volume = sum((t.amount for t in page), 0.0)
                sums = (volume, sum((t.price * t.amount for t in page), 0.0), len(page))
                events.append(Candle(*market, open_ts_ms, open_ts_ms + 61_000, *ohlc, *sums))
    return [*events, gap()]


def _page(chance: random.Random, open_ts_ms: int, price: float, first: int) -> tuple[Trade, ...]:
    """Return the trades of a minute, none in every tenth."""
    size = 0 if chance.random() < 0.1 else chance.randrange(1, 20)
    times = sorted(chance.randrange(MINUTE_MS) for _ in range(size))
    prices = [price := price * chance.uniform(0.999, 1.001) for _ in times]
    return tuple(
        trade(first + i, open_ts_ms + ms, prices[i], 10 ** chance.uniform(-5, 3))
        for i, ms in enumerate(times)
    )


def gap(first_id: int = 5, last_id: int = 9) -> Gap:
    return Gap(*MARKETS[0], START_MS, first_id, last_id, "the exchange's history has none")
