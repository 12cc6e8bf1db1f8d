// include/quality/stores.py: points counted by market.

// name: trades
// Sum of the trades in the one-second bars.
from(bucket: bucket)
    |> range(start: start, stop: stop)
    |> filter(fn: (r) => r._measurement == "crypto_trades" and r._field == "trades")
    |> group(columns: ["exchange", "symbol"])
    |> sum()

// name: candles
// Number of closed minutes.
from(bucket: bucket)
    |> range(start: start, stop: stop)
    |> filter(fn: (r) => r._measurement == "crypto_candles" and r._field == "close")
    |> group(columns: ["exchange", "symbol"])
    |> count()
