// Closed candles, and the open minute from the bars of its seconds.
told = (measurement) =>
    from(bucket: bucket)
        |> range(start: start, stop: stop)
        |> filter(fn: (r) => r._measurement == measurement)
        |> filter(fn: (r) => r.exchange == exchange and r.symbol == symbol)
        |> filter(fn: (r) => @fields)
        |> keep(columns: ["_time", "_value", "_field"])
        |> group(columns: ["_field"])

candles = told(measurement: "crypto_candles")
newest =
    candles
        |> filter(fn: (r) => r._field == "close")
        |> last()
        |> findRecord(fn: (key) => true, idx: 0)
closed_until_ns = if exists newest._time then int(v: newest._time) + int(v: 1m) else 0
seconds =
    told(measurement: "crypto_trades")
        |> filter(fn: (r) => int(v: r._time) >= closed_until_ns)
bars = union(tables: [candles, seconds]) |> group(columns: ["_field"]) |> sort(columns: ["_time"])
folded = (field, fn) =>
    bars
        |> filter(fn: (r) => r._field == field)
        |> aggregateWindow(every: interval, fn: fn, createEmpty: false, timeSrc: "_start")

union(
    tables: [
        folded(field: "open", fn: first),
        folded(field: "high", fn: max),
        folded(field: "low", fn: min),
        folded(field: "close", fn: last),
        folded(field: "volume", fn: sum),
        folded(field: "session_vwap", fn: last),
    ],
)
    |> group()
    |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
    |> sort(columns: ["_time"])
