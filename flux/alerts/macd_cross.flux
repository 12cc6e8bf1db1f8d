// 1 where the histogram of the last closed minute has another sign than the one before it.
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
