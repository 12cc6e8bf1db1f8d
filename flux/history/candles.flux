// A market's closed minutes of a window, a row each.
from(bucket: bucket)
    |> range(start: start, stop: stop)
    |> filter(fn: (r) => r._measurement == "crypto_candles" and r.interval == "1m")
    |> filter(fn: (r) => r.exchange == exchange and r.symbol == symbol)
    |> keep(columns: ["_time", "_field", "_value"])
    |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
