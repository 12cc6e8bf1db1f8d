// What takers bought and what they sold, in base currency; sold is drawn downwards.
from(bucket: bucket)
    |> range(start: start, stop: stop)
    |> filter(fn: (r) => r._measurement == "crypto_trades")
    |> filter(fn: (r) => r.exchange == exchange and r.symbol == symbol)
    |> filter(fn: (r) => r._field == "volume" or r._field == "buy_volume")
    |> aggregateWindow(every: interval, fn: sum, createEmpty: false, timeSrc: "_start")
    |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
    |> map(fn: (r) => ({_time: r._time, bought: r.buy_volume, sold: r.buy_volume - r.volume}))
