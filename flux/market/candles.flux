// Closed candles, and the open minute from the bars of its seconds and the last trade.
// Only the last bar holds both: the others are folded where they are stored, which is many times
// faster.
import "date"

told = (measurement) =>
    from(bucket: bucket)
        |> range(start: start, stop: stop)
        |> filter(fn: (r) => r._measurement == measurement)
        |> filter(fn: (r) => r.exchange == exchange and r.symbol == symbol)

newest =
    told(measurement: "crypto_candles")
        |> filter(fn: (r) => r._field == "close")
        |> last()
        |> findRecord(fn: (key) => true, idx: 0)
newest_ns = if exists newest._time then int(v: newest._time) else 0
closed_ns = newest_ns + int(v: 1m)
last_bar = date.truncate(t: time(v: newest_ns), unit: interval)

// What is newer than the candles; a range must not be empty, nor begin before the one asked for.
open_ns =
    if closed_ns < int(v: start) then
        int(v: start)
    else if closed_ns < int(v: stop) then
        closed_ns
    else
        int(v: stop) - 1
unclosed = (measurement) =>
    from(bucket: bucket)
        |> range(start: time(v: open_ns), stop: stop)
        |> filter(fn: (r) => r._measurement == measurement)
        |> filter(fn: (r) => r.exchange == exchange and r.symbol == symbol)
last_price = (field) =>
    unclosed(measurement: "crypto_last_trade")
        |> set(key: "_field", value: field)
        |> keep(columns: ["_time", "_value", "_field"])
open =
    union(
        tables: [
            last_price(field: "open"),
            last_price(field: "high"),
            last_price(field: "low"),
            last_price(field: "close"),
            told(measurement: "crypto_candles")
                |> filter(fn: (r) => @fields)
                |> filter(fn: (r) => r._time >= last_bar)
                |> keep(columns: ["_time", "_value", "_field"]),
            unclosed(measurement: "crypto_trades")
                |> filter(fn: (r) => @fields)
                |> keep(columns: ["_time", "_value", "_field"]),
        ],
    )
        |> group(columns: ["_field"])
        |> sort(columns: ["_time"])
bars = (field, fn) =>
    union(
        tables: [
            told(measurement: "crypto_candles")
                |> filter(fn: (r) => r._field == field)
                |> aggregateWindow(every: interval, fn: fn, createEmpty: false, timeSrc: "_start")
                |> filter(fn: (r) => r._time < last_bar)
                |> keep(columns: ["_time", "_value", "_field"]),
            open
                |> filter(fn: (r) => r._field == field)
                |> aggregateWindow(every: interval, fn: fn, createEmpty: false, timeSrc: "_start")
                |> keep(columns: ["_time", "_value", "_field"]),
        ],
    )

union(
    tables: [
        bars(field: "open", fn: first),
        bars(field: "high", fn: max),
        bars(field: "low", fn: min),
        bars(field: "close", fn: last),
        bars(field: "volume", fn: sum),
        bars(field: "session_vwap", fn: last),
    ],
)
    |> group()
    |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
    |> sort(columns: ["_time"])
