"""An endless random market: the events that a producer publishes of it, minute by minute."""

import itertools
import random

from include.kpis.records import MINUTE_MS, Candle, Level, MarketSnapshot, Trade, Trades

START_MS = 1_762_300_800_000  # 2025-11-05 00:00 UTC
SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "LRC/BTC")
HISTORY_BARS = 40


class Symbol:
    """One symbol's random walk."""

    def __init__(self, name, seed):
        self.name = name
        self.chance = random.Random(f"{seed}{name}")
        self.price = 10 ** self.chance.uniform(-5, 5)
        self.ids = itertools.count(1_000)

    def history(self):
        """Return the closed candles before START_MS."""
        opens = range(START_MS - HISTORY_BARS * MINUTE_MS, START_MS, MINUTE_MS)
        return [self.candle(at, self.trades(at, 12)) for at in opens]

    def minute(self, number):
        """Return a minute's trades in batches, snapshots among them, then its candle."""
        open_ts_ms = START_MS + number * MINUTE_MS
        trades = self.trades(open_ts_ms, self.chance.randrange(30))
        events = []
        for batch in itertools.batched(trades, 5):
            recv_ts_ms = batch[-1].ts_ms + 40
            events.append(Trades("binance", self.name, recv_ts_ms, batch))
            events.append(self.snapshot(recv_ts_ms))
        return [*events, self.candle(open_ts_ms, trades)]

    def trades(self, open_ts_ms, count):
        times = sorted(self.chance.sample(range(MINUTE_MS), count))
        return [self.trade(open_ts_ms + at) for at in times]

    def trade(self, ts_ms):
        number = next(self.ids)
        self.price *= self.chance.uniform(0.999, 1.001)
        side = self.chance.choice(("buy", "sell"))
        amount = 10 ** self.chance.uniform(-4, 2)
        return Trade(number, number, number, ts_ms, self.price, amount, side)

    def candle(self, open_ts_ms, trades):
        prices = [t.price for t in trades] or [self.price]
        ohlc = (prices[0], max(prices), min(prices), prices[-1])
        volume = sum(t.amount for t in trades)
        quote_volume = sum(t.price * t.amount for t in trades)
        received = open_ts_ms + MINUTE_MS + 900
        return Candle(
            "binance", self.name, open_ts_ms, received, *ohlc, volume, quote_volume, len(trades)
        )

    def snapshot(self, ts_ms):
        price, step = self.price, self.price * 1e-4
        bids = tuple(Level(price - i * step, self.chance.uniform(0.1, 9)) for i in range(1, 7))
        asks = tuple(Level(price + i * step, self.chance.uniform(0.1, 9)) for i in range(1, 7))
        day = (price * 0.98, price * 1.02, price * 0.97, price, 1234.5, 1234.5 * price)
        return MarketSnapshot("binance", self.name, ts_ms, ts_ms + 20, *day, bids, asks)


def stream(seed=7, symbols=SYMBOLS):
    """Yield events without end: the history of all symbols, then each minute of each symbol."""
    walks = [Symbol(name, seed) for name in symbols]
    for walk in walks:
        yield from walk.history()
    for number in itertools.count():
        for walk in walks:
            yield from walk.minute(number)
