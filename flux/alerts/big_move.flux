// The change of each symbol's price from the start of the window to its end, in percent, unsigned.
prices =
    from(bucket: bucket)
        |> range(start: start, stop: stop)
        |> filter(fn: (r) => r._measurement == "crypto_prices" and r._field == "close")

union(
    tables: [
        prices |> first() |> set(key: "_field", value: "start"),
        prices |> last() |> set(key: "_field", value: "end"),
    ],
)
    |> keep(columns: ["exchange", "symbol", "_field", "_value"])
    |> group(columns: ["exchange", "symbol"])
    |> pivot(rowKey: ["exchange", "symbol"], columnKey: ["_field"], valueColumn: "_value")
    |> map(
        fn: (r) => {
            change = (r.end - r.start) / r.start * 100.0

            return {
                _time: now(),
                exchange: r.exchange,
                symbol: r.symbol,
                _value: if change < 0.0 then -change else change,
            }
        },
    )
    |> group(columns: ["exchange", "symbol"])
