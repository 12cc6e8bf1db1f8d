// How many trades the seconds of each market hold.
from(bucket: bucket)
    |> range(start: start, stop: stop)
    |> filter(fn: (r) => r._measurement == "crypto_trades" and r._field == "trades")
    |> group(columns: ["exchange", "symbol"])
    |> sum()
