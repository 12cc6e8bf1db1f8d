// Snapshots stored a minute, of each symbol: a minute without one is a 0, not a hole.
from(bucket: bucket)
    |> range(start: start, stop: stop)
    |> filter(fn: (r) => r._measurement == "crypto_prices" and r._field == "close")
    |> aggregateWindow(every: 1m, fn: count, createEmpty: true, timeSrc: "_start")
    |> toFloat()
    |> keep(columns: ["_time", "_value", "symbol"])
