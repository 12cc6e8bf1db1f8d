// As of each closed minute; with a wider interval, its last one.
from(bucket: bucket)
    |> range(start: start, stop: stop)
    |> filter(fn: (r) => r._measurement == "crypto_candles")
    |> filter(fn: (r) => r.exchange == exchange and r.symbol == symbol)
    |> filter(fn: (r) => @fields)
    |> aggregateWindow(every: interval, fn: last, createEmpty: false, timeSrc: "_start")
    |> keep(columns: ["_time", "_value", "_field"])
