"""Events of the simulated exchange without HTTP, as the producer would publish them."""

from include.kpis.records import MINUTE_MS, Candle, Trade, Trades
from include.simulator.clock import WallClock
from include.simulator.generated_market import GeneratedMarket
from include.simulator.history import History

START_MS = 1_762_300_800_000  # 2025-11-05 00:00 UTC


def market(symbol="BTC/USDT", *, seed=3, trades_per_minute=6.0):
    """Return the history of one generated symbol, and the symbol."""
    generated = GeneratedMarket(
        WallClock(), seed=seed, symbols=(symbol,), trades_per_minute=trades_per_minute
    )
    return History(generated), generated.symbols[0]


def candles(history, symbol, start_ms, minutes):
    """Return closed candles from *start_ms* on."""
    end_ms = start_ms + minutes * MINUTE_MS
    return [
        Candle(
            "binance",
            symbol.name,
            c.open_ms,
            end_ms,
            float(symbol.format_price(c.open)),
            float(symbol.format_price(c.high)),
            float(symbol.format_price(c.low)),
            float(symbol.format_price(c.close)),
            float(symbol.format_amount(c.lots)),
            float(symbol.format_quote(c.quote)),
            c.trades,
        )
        for c in history.candles(symbol, MINUTE_MS, start_ms, end_ms - 1, end_ms)
    ]


def trades(history, symbol, start_ms, end_ms):
    """Return the trades of [start_ms, end_ms)."""
    first = history.next_id(symbol, start_ms, end_ms)
    last = history.next_id(symbol, end_ms, end_ms)
    return [
        Trade(
            t.trade_id,
            t.first_raw,
            t.last_raw,
            t.ts_ms,
            float(symbol.format_price(t.price_ticks)),
            float(symbol.format_amount(t.lots)),
            "sell" if t.taker_sells else "buy",
        )
        for t in history.trades(symbol, first, last, end_ms)
    ]


def day():
    """Yield a UTC day of one symbol: each minute's trades in one record, then its candle."""
    history, symbol = market()
    for candle in candles(history, symbol, START_MS, 1440):
        end_ms = candle.open_ts_ms + MINUTE_MS
        if batch := trades(history, symbol, candle.open_ts_ms, end_ms):
            yield Trades("binance", symbol.name, end_ms, tuple(batch))
        yield candle
