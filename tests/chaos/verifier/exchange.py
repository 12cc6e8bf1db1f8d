"""The truth: trades and candles as the exchange serves them, over its REST API."""

import json
import urllib.request
from typing import Any, NamedTuple

PAGE = 1_000
MINUTE_MS = 60_000


class Trade(NamedTuple):
    trade_id: int
    first_id: int
    last_id: int
    ts_ms: int
    price: float
    amount: float
    side: str


class Candle(NamedTuple):
    open_ts_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    quote_volume: float
    trade_count: int


class Exchange:
    """A Binance-shaped exchange at *url*."""

    def __init__(self, url: str) -> None:
        self.url = url

    def now_ms(self) -> int:
        return int(self._get("time")["serverTime"])

    def trades(self, symbol: str, since_ms: int, until_ms: int) -> list[Trade]:
        """Return all trades from *since_ms* to *until_ms*, inclusive."""
        name = symbol.replace("/", "")
        page = self._get(f"aggTrades?symbol={name}&startTime={since_ms}&limit={PAGE}")
        found = [_trade(row) for row in page]
        while page and found[-1].ts_ms <= until_ms:
            page = self._get(
                f"aggTrades?symbol={name}&fromId={found[-1].trade_id + 1}&limit={PAGE}"
            )
            found += [_trade(row) for row in page]
        return [trade for trade in found if trade.ts_ms <= until_ms]

    def candles(self, symbol: str, from_ms: int, until_ms: int) -> list[Candle]:
        """Return the one-minute candles that open in [from_ms, until_ms)."""
        found: list[Candle] = []
        while from_ms < until_ms:
            page = self._get(
                f"klines?symbol={symbol.replace('/', '')}&interval=1m&limit={PAGE}"
                f"&startTime={from_ms}&endTime={until_ms - 1}"
            )
            if not page:
                break
            found += [_candle(row) for row in page]
            from_ms = found[-1].open_ts_ms + MINUTE_MS
        return found

    def _get(self, query: str) -> Any:
        with urllib.request.urlopen(f"{self.url}/api/v3/{query}", timeout=60) as answer:
            return json.load(answer)


def _trade(row: dict[str, Any]) -> Trade:
    side = "sell" if row["m"] else "buy"
    return Trade(row["a"], row["f"], row["l"], row["T"], float(row["p"]), float(row["q"]), side)


def _candle(row: list[Any]) -> Candle:
    open_, high, low, close, volume = (float(text) for text in row[1:6])
    return Candle(row[0], open_, high, low, close, volume, float(row[7]), row[8])
