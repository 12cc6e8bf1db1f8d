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
