// Snapshots without a spread, of each symbol.
snapshots = (field) =>
    from(bucket: bucket)
        |> range(start: start, stop: stop)
        |> filter(fn: (r) => r._measurement == "crypto_prices" and r._field == field)
        |> count()
        |> group(columns: ["exchange", "symbol"])
        |> keep(columns: ["exchange", "symbol", "_value"])

union(
    tables: [
        snapshots(field: "close"),
        snapshots(field: "price_spread") |> map(fn: (r) => ({r with _value: -r._value})),
    ],
)
    |> sum()
    |> toFloat()
    |> map(fn: (r) => ({r with _time: now()}))
