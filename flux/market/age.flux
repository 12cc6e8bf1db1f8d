// Seconds since the newest snapshot, by the exchange's time.
from(bucket: bucket)
    |> range(start: start, stop: stop)
    |> filter(fn: (r) => r._measurement == "crypto_prices" and r._field == "close")
    |> filter(fn: (r) => r.exchange == exchange and r.symbol == symbol)
    |> last()
    |> map(fn: (r) => ({_time: now(), _value: float(v: int(v: now()) - int(v: r._time)) / 1000000000.0}))
