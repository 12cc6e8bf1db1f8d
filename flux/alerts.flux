// include/dashboards/alerts.py: queries of alert rules.

// name: stale_feed
// Seconds since each symbol's newest snapshot.
from(bucket: bucket)
    |> range(start: start, stop: stop)
    |> filter(fn: (r) => r._measurement == "crypto_prices" and r._field == "close")
    |> last()
    |> map(
        fn: (r) =>
            ({
                _time: now(),
                exchange: r.exchange,
                symbol: r.symbol,
                _value: float(v: int(v: now()) - int(v: r._time)) / 1000000000.0,
            }),
    )
    |> group(columns: ["exchange", "symbol"])

// name: crossed_book
// Snapshots without a spread, by symbol.
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

// name: big_move
// Absolute change of each symbol's price over the window, in percent.
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

// name: macd_cross
// 1 if the histogram of the last closed minute and of the one before it have different signs.
from(bucket: bucket)
    |> range(start: start, stop: stop)
    |> filter(fn: (r) => r._measurement == "crypto_candles" and r._field == "macd_hist")
    |> tail(n: 2)
    |> map(fn: (r) => ({r with _value: if r._value < 0.0 then -1.0 else 1.0}))
    |> difference()
    |> map(
        fn: (r) =>
            ({
                _time: r._time,
                exchange: r.exchange,
                symbol: r.symbol,
                _value: if r._value == 0.0 then 0.0 else 1.0,
            }),
    )
    |> group(columns: ["exchange", "symbol"])

// name: lag
// Records not yet read by a consumer, by partition.
from(bucket: bucket)
    |> range(start: start, stop: stop)
    |> filter(fn: (r) => r._measurement == "pipeline_health" and r._field == "kafka_lag_records")
    |> last()
    |> map(fn: (r) => ({_time: r._time, partition: r.partition, _value: r._value}))
    |> group(columns: ["partition"])
