// include/live: the market page.

// name: markets
// Every market with a snapshot since the start.
from(bucket: bucket)
    |> range(start: start)
    |> filter(fn: (r) => r._measurement == "crypto_prices" and r._field == "close")
    |> last()
    |> keep(columns: ["exchange", "symbol"])
    |> group()
    |> sort(columns: ["exchange", "symbol"])

// name: newest_snapshot
// All KPIs of a market's newest snapshot. A KPI without a value there does not show an older value.
from(bucket: bucket)
    |> range(start: start)
    |> filter(fn: (r) => r._measurement == "crypto_prices")
    |> filter(fn: (r) => r.exchange == exchange and r.symbol == symbol)
    |> last()
    |> keep(columns: ["_time", "_field", "_value"])
    |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
    |> group()
    |> sort(columns: ["_time"], desc: true)
    |> limit(n: 1)
