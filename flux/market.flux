// include/dashboards/market.py and include/live: one market, and all of them.

// name: age
// Seconds since the newest snapshot, by the exchange's time.
from(bucket: bucket)
    |> range(start: start, stop: stop)
    |> filter(fn: (r) => r._measurement == "crypto_prices" and r._field == "close")
    |> filter(fn: (r) => r.exchange == exchange and r.symbol == symbol)
    |> last()
    |> map(fn: (r) => ({_time: now(), _value: float(v: int(v: now()) - int(v: r._time)) / 1000000000.0}))

// name: candles
// Closed candles, and the open minute from its one-second bars and the last trade.
// Only the last bar mixes both. InfluxDB's storage aggregates the others, many times faster.
import "date"

closed = (measurement) =>
    from(bucket: bucket)
        |> range(start: start, stop: stop)
        |> filter(fn: (r) => r._measurement == measurement)
        |> filter(fn: (r) => r.exchange == exchange and r.symbol == symbol)

newest =
    closed(measurement: "crypto_candles")
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
            closed(measurement: "crypto_candles")
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
            closed(measurement: "crypto_candles")
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

// name: macd
// Values at each closed minute. A wider interval shows its last minute.
from(bucket: bucket)
    |> range(start: start, stop: stop)
    |> filter(fn: (r) => r._measurement == "crypto_candles")
    |> filter(fn: (r) => r.exchange == exchange and r.symbol == symbol)
    |> filter(fn: (r) => @fields)
    |> aggregateWindow(every: interval, fn: last, createEmpty: false, timeSrc: "_start")
    |> keep(columns: ["_time", "_value", "_field"])

// name: taker_volume
// Volume bought and sold by takers, in base currency. Sold volume is drawn downwards.
from(bucket: bucket)
    |> range(start: start, stop: stop)
    |> filter(fn: (r) => r._measurement == "crypto_trades")
    |> filter(fn: (r) => r.exchange == exchange and r.symbol == symbol)
    |> filter(fn: (r) => r._field == "volume" or r._field == "buy_volume")
    |> aggregateWindow(every: interval, fn: sum, createEmpty: false, timeSrc: "_start")
    |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
    |> map(fn: (r) => ({_time: r._time, bought: r.buy_volume, sold: r.buy_volume - r.volume}))

// name: kpis
// KPIs of the market's snapshots: the last value of each window.
from(bucket: bucket)
    |> range(start: start, stop: stop)
    |> filter(fn: (r) => r._measurement == "crypto_prices")
    |> filter(fn: (r) => r.exchange == exchange and r.symbol == symbol)
    |> filter(fn: (r) => @fields)
    |> aggregateWindow(every: window, fn: last, createEmpty: false, timeSrc: "_start")
    |> keep(columns: ["_time", "_value", "_field"])

// name: trades_per_s
// Trades per second. A window without trades is 0.
from(bucket: bucket)
    |> range(start: start, stop: stop)
    |> filter(fn: (r) => r._measurement == "crypto_trades" and r._field == "trades")
    |> filter(fn: (r) => r.exchange == exchange and r.symbol == symbol)
    |> aggregateWindow(every: window, fn: sum, createEmpty: true, timeSrc: "_start")
    |> fill(value: 0.0)
    |> map(fn: (r) => ({_time: r._time, trades: r._value / float(v: int(v: window)) * 1000000000.0}))

// name: all_symbols
// The newest snapshot of each symbol, with its age in seconds.
from(bucket: bucket)
    |> range(start: start, stop: stop)
    |> filter(fn: (r) => r._measurement == "crypto_prices")
    |> filter(fn: (r) => @fields)
    |> last()
    |> group()
    |> pivot(rowKey: ["exchange", "symbol", "_time"], columnKey: ["_field"], valueColumn: "_value")
    |> group(columns: ["exchange", "symbol"])
    |> sort(columns: ["_time"])
    |> last(column: "close")
    |> group()
    |> map(fn: (r) => ({r with age_s: float(v: int(v: now()) - int(v: r._time)) / 1000000000.0}))
    |> drop(columns: ["_time"])
    |> sort(columns: ["quote_volume"], desc: true)
