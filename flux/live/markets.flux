// Every market with a snapshot since the start.
from(bucket: bucket)
    |> range(start: start)
    |> filter(fn: (r) => r._measurement == "crypto_prices" and r._field == "close")
    |> last()
    |> keep(columns: ["exchange", "symbol"])
    |> group()
    |> sort(columns: ["exchange", "symbol"])
