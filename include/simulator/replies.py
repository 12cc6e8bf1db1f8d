"""The JSON of Binance's answers."""

from typing import Any

from include.simulator.candles import Candle
from include.simulator.history import DayStats
from include.simulator.market import Book
from include.simulator.symbols import Symbol, decimal_text
from include.simulator.trades import AggregateTrade

Json = dict[str, Any]


def symbol_info(symbol: Symbol, permission_sets: bool) -> Json:
    """Describe *symbol* as exchangeInfo does, with the filters ccxt reads."""
    tick, lot = symbol.price_text(1), symbol.amount_text(1)
    most_lots = 10 ** (symbol.lot_decimals + 6)
    return {
        "symbol": symbol.market_id,
        "status": "TRADING",
        "baseAsset": symbol.base,
        "baseAssetPrecision": 8,
        "quoteAsset": symbol.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "orderTypes": ["LIMIT", "MARKET"],
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": tick,
                "maxPrice": "1000000.00000000",
                "tickSize": tick,
            },
            {
                "filterType": "LOT_SIZE",
                "minQty": lot,
                "maxQty": symbol.amount_text(most_lots),
                "stepSize": lot,
            },
            {"filterType": "NOTIONAL", "minNotional": "5.00000000"},
        ],
        "permissions": [],
        "permissionSets": [["SPOT"]] if permission_sets else [],
    }


def kline(symbol: Symbol, candle: Candle, width_ms: int) -> list[Any]:
    prices = (candle.open, candle.high, candle.low, candle.close)
    return [
        candle.open_ms,
        *(symbol.price_text(price) for price in prices),
        symbol.amount_text(candle.lots),
        candle.open_ms + width_ms - 1,
        symbol.quote_text(candle.quote),
        candle.trades,
        symbol.amount_text(candle.buy_lots),
        symbol.quote_text(candle.buy_quote),
        "0",
    ]


def aggregate_trade(symbol: Symbol, trade: AggregateTrade) -> Json:
    return {
        "a": trade.trade_id,
        "p": symbol.price_text(trade.price_ticks),
        "q": symbol.amount_text(trade.lots),
        "f": trade.first_raw,
        "l": trade.last_raw,
        "T": trade.ts_ms,
        "m": trade.taker_sells,
        "M": True,
    }


def raw_trades(symbol: Symbol, trade: AggregateTrade) -> list[Json]:
    """Split an aggregate into its raw trades; the first takes what does not divide."""
    n = trade.last_raw - trade.first_raw + 1
    each, rest = divmod(trade.lots, n)
    return [
        {
            "id": trade.first_raw + i,
            "price": symbol.price_text(trade.price_ticks),
            "qty": symbol.amount_text(lots),
            "quoteQty": symbol.quote_text(trade.price_ticks * lots),
            "time": trade.ts_ms,
            "isBuyerMaker": trade.taker_sells,
            "isBestMatch": True,
        }
        for i, lots in enumerate([each + rest] + [each] * (n - 1))
    ]


def depth(symbol: Symbol, book: Book) -> Json:
    return {
        "lastUpdateId": book.last_update_id,
        "bids": [[symbol.price_text(p), symbol.amount_text(lots)] for p, lots in book.bids],
        "asks": [[symbol.price_text(p), symbol.amount_text(lots)] for p, lots in book.asks],
    }


def book_ticker(symbol: Symbol, book: Book) -> Json:
    bid, bid_lots = book.bids[0] if book.bids else (0, 0)
    ask, ask_lots = book.asks[0] if book.asks else (0, 0)
    return {
        "symbol": symbol.market_id,
        "bidPrice": symbol.price_text(bid),
        "bidQty": symbol.amount_text(bid_lots),
        "askPrice": symbol.price_text(ask),
        "askQty": symbol.amount_text(ask_lots),
    }


def mini_ticker(symbol: Symbol, stats: DayStats) -> Json:
    return {
        "symbol": symbol.market_id,
        "openPrice": symbol.price_text(stats.open),
        "highPrice": symbol.price_text(stats.high),
        "lowPrice": symbol.price_text(stats.low),
        "lastPrice": symbol.price_text(stats.last),
        "volume": symbol.amount_text(stats.lots),
        "quoteVolume": symbol.quote_text(stats.quote),
        "openTime": stats.open_ms,
        "closeTime": stats.close_ms,
        "firstId": stats.first_raw,
        "lastId": stats.last_raw,
        "count": stats.trades,
    }


def full_ticker(symbol: Symbol, stats: DayStats, book: Book) -> Json:
    """Merge the rolling day with the top of the book of the same instant."""
    change = stats.last - stats.open
    # price * lots summed, in ticks * lots: over lots it is ticks, taken here to eight decimals.
    scale = 10 ** (8 - symbol.price_decimals)
    average = (stats.quote * scale + stats.lots // 2) // stats.lots if stats.lots else 0
    thousandths = round(change * 100_000 / stats.open) if stats.open else 0
    return {
        **mini_ticker(symbol, stats),
        **book_ticker(symbol, book),
        "priceChange": symbol.price_text(change),
        "priceChangePercent": decimal_text(thousandths, 3)[:-5],
        "weightedAvgPrice": decimal_text(average, 8),
        "prevClosePrice": symbol.price_text(stats.previous_close),
        "lastQty": symbol.amount_text(stats.last_lots),
    }


def aggregate_trade_events(symbol: Symbol, trade: AggregateTrade, now_ms: int) -> list[Json]:
    head = {"e": "aggTrade", "E": now_ms, "s": symbol.market_id}
    return [head | aggregate_trade(symbol, trade)]


def raw_trade_events(symbol: Symbol, trade: AggregateTrade, now_ms: int) -> list[Json]:
    return [
        {
            "e": "trade",
            "E": now_ms,
            "s": symbol.market_id,
            "t": raw["id"],
            "p": raw["price"],
            "q": raw["qty"],
            "T": raw["time"],
            "m": raw["isBuyerMaker"],
            "M": True,
        }
        for raw in raw_trades(symbol, trade)
    ]


def book_ticker_event(top: Json, update_id: int) -> Json:
    names = {"symbol": "s", "bidPrice": "b", "bidQty": "B", "askPrice": "a", "askQty": "A"}
    return {"u": update_id} | {short: top[name] for name, short in names.items()}


def day_ticker_event(ticker: Json, now_ms: int) -> Json:
    names = {
        "symbol": "s", "priceChange": "p", "priceChangePercent": "P", "weightedAvgPrice": "w",
        "prevClosePrice": "x", "lastPrice": "c", "lastQty": "Q", "bidPrice": "b", "bidQty": "B",
        "askPrice": "a", "askQty": "A", "openPrice": "o", "highPrice": "h", "lowPrice": "l",
        "volume": "v", "quoteVolume": "q", "openTime": "O", "closeTime": "C", "firstId": "F",
        "lastId": "L", "count": "n",
    }  # fmt: skip
    head = {"e": "24hrTicker", "E": now_ms}
    return head | {short: ticker[name] for name, short in names.items()}
