"""Formats of Binance's JSON: REST responses and WebSocket events."""

from typing import Any

from include.simulator.history import DayStats, SimulatedCandle
from include.simulator.market import AggregateTrade, Book, Symbol, format_decimal

Json = dict[str, Any]


def describe_symbol(symbol: Symbol, permission_sets: bool) -> Json:
    """Describe *symbol* as exchangeInfo does, with the filters that ccxt reads."""
    tick, lot = symbol.format_price(1), symbol.format_amount(1)
    max_lots = 10 ** (symbol.lot_decimals + 6)
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
                "maxQty": symbol.format_amount(max_lots),
                "stepSize": lot,
            },
            {"filterType": "NOTIONAL", "minNotional": "5.00000000"},
        ],
        "permissions": [],
        "permissionSets": [["SPOT"]] if permission_sets else [],
    }


def format_kline(symbol: Symbol, candle: SimulatedCandle, width_ms: int) -> list[Any]:
    prices = (candle.open, candle.high, candle.low, candle.close)
    return [
        candle.open_ms,
        *(symbol.format_price(price) for price in prices),
        symbol.format_amount(candle.lots),
        candle.open_ms + width_ms - 1,
        symbol.format_quote(candle.quote),
        candle.trades,
        symbol.format_amount(candle.buy_lots),
        symbol.format_quote(candle.buy_quote),
        "0",
    ]


def format_aggregate_trade(symbol: Symbol, trade: AggregateTrade) -> Json:
    return {
        "a": trade.trade_id,
        "p": symbol.format_price(trade.price_ticks),
        "q": symbol.format_amount(trade.lots),
        "f": trade.first_raw,
        "l": trade.last_raw,
        "T": trade.ts_ms,
        "m": trade.taker_sells,
        "M": True,
    }


def split_raw_trades(symbol: Symbol, trade: AggregateTrade) -> list[Json]:
    """Split an aggregate into raw trades of equal amounts; the first has the remainder."""
    n = trade.last_raw - trade.first_raw + 1
    each, rest = divmod(trade.lots, n)
    return [
        {
            "id": trade.first_raw + i,
            "price": symbol.format_price(trade.price_ticks),
            "qty": symbol.format_amount(lots),
            "quoteQty": symbol.format_quote(trade.price_ticks * lots),
            "time": trade.ts_ms,
            "isBuyerMaker": trade.taker_sells,
            "isBestMatch": True,
        }
        for i, lots in enumerate([each + rest] + [each] * (n - 1))
    ]


def format_depth(symbol: Symbol, book: Book) -> Json:
    return {
        "lastUpdateId": book.last_update_id,
        "bids": [[symbol.format_price(p), symbol.format_amount(lots)] for p, lots in book.bids],
        "asks": [[symbol.format_price(p), symbol.format_amount(lots)] for p, lots in book.asks],
    }


def format_book_ticker(symbol: Symbol, book: Book) -> Json:
    bid, bid_lots = book.bids[0] if book.bids else (0, 0)
    ask, ask_lots = book.asks[0] if book.asks else (0, 0)
    return {
        "symbol": symbol.market_id,
        "bidPrice": symbol.format_price(bid),
        "bidQty": symbol.format_amount(bid_lots),
        "askPrice": symbol.format_price(ask),
        "askQty": symbol.format_amount(ask_lots),
    }


def format_mini_ticker(symbol: Symbol, stats: DayStats) -> Json:
    return {
        "symbol": symbol.market_id,
        "openPrice": symbol.format_price(stats.open),
        "highPrice": symbol.format_price(stats.high),
        "lowPrice": symbol.format_price(stats.low),
        "lastPrice": symbol.format_price(stats.last),
        "volume": symbol.format_amount(stats.lots),
        "quoteVolume": symbol.format_quote(stats.quote),
        "openTime": stats.open_ms,
        "closeTime": stats.close_ms,
        "firstId": stats.first_raw,
        "lastId": stats.last_raw,
        "count": stats.trades,
    }


def format_full_ticker(symbol: Symbol, stats: DayStats, book: Book) -> Json:
    """Merge the rolling day with the best bid and ask of the same time."""
    change = stats.last - stats.open
    # ticks * lots divided by lots are ticks, computed to eight decimals
    scale = 10 ** (8 - symbol.price_decimals)
    average = (stats.quote * scale + stats.lots // 2) // stats.lots if stats.lots else 0
    thousandths = round(change * 100_000 / stats.open) if stats.open else 0
    return {
        **format_mini_ticker(symbol, stats),
        **format_book_ticker(symbol, book),
        "priceChange": symbol.format_price(change),
        "priceChangePercent": format_decimal(thousandths, 3)[:-5],
        "weightedAvgPrice": format_decimal(average, 8),
        "prevClosePrice": symbol.format_price(stats.previous_close),
        "lastQty": symbol.format_amount(stats.last_lots),
    }


def make_aggregate_trade_events(symbol: Symbol, trade: AggregateTrade, now_ms: int) -> list[Json]:
    head = {"e": "aggTrade", "E": now_ms, "s": symbol.market_id}
    return [head | format_aggregate_trade(symbol, trade)]


def make_raw_trade_events(symbol: Symbol, trade: AggregateTrade, now_ms: int) -> list[Json]:
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
        for raw in split_raw_trades(symbol, trade)
    ]


def make_book_ticker_event(top: Json, update_id: int) -> Json:
    names = {"symbol": "s", "bidPrice": "b", "bidQty": "B", "askPrice": "a", "askQty": "A"}
    return {"u": update_id} | {short: top[name] for name, short in names.items()}


def make_day_ticker_event(ticker: Json, now_ms: int) -> Json:
    names = {
        "symbol": "s", "priceChange": "p", "priceChangePercent": "P", "weightedAvgPrice": "w",
        "prevClosePrice": "x", "lastPrice": "c", "lastQty": "Q", "bidPrice": "b", "bidQty": "B",
        "askPrice": "a", "askQty": "A", "openPrice": "o", "highPrice": "h", "lowPrice": "l",
        "volume": "v", "quoteVolume": "q", "openTime": "O", "closeTime": "C", "firstId": "F",
        "lastId": "L", "count": "n",
    }  # fmt: skip
    head = {"e": "24hrTicker", "E": now_ms}
    return head | {short: ticker[name] for name, short in names.items()}
