// How many closed minutes of each market there are.
from(bucket: bucket)
    |> range(start: start, stop: stop)
    |> filter(fn: (r) => r._measurement == "crypto_candles" and r._field == "close")
    |> group(columns: ["exchange", "symbol"])
    |> count()
