// include/history/stream_candles.py: closed minutes in InfluxDB.

// name: spans
// The first and the last closed minute of each market.
closes =
    from(bucket: bucket)
        |> range(start: start, stop: stop)
        |> filter(fn: (r) => r._measurement == "crypto_candles" and r._field == "close")
        |> filter(fn: (r) => r.interval == "1m")

union(tables: [closes |> first(), closes |> last()])
    |> keep(columns: ["exchange", "symbol", "_time"])

// name: candles
// A market's closed minutes of a window, one row each.
from(bucket: bucket)
    |> range(start: start, stop: stop)
    |> filter(fn: (r) => r._measurement == "crypto_candles" and r.interval == "1m")
    |> filter(fn: (r) => r.exchange == exchange and r.symbol == symbol)
    |> keep(columns: ["_time", "_field", "_value"])
    |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
