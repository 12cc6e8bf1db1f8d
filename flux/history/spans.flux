// The first and the last closed minute the stream has of each market.
closes =
    from(bucket: bucket)
        |> range(start: start, stop: stop)
        |> filter(fn: (r) => r._measurement == "crypto_candles" and r._field == "close")
        |> filter(fn: (r) => r.interval == "1m")

union(tables: [closes |> first(), closes |> last()])
    |> keep(columns: ["exchange", "symbol", "_time"])
