// What each instance of each service says of itself, half minute by half minute.
from(bucket: bucket)
    |> range(start: start, stop: stop)
    |> filter(fn: (r) => r._measurement == "pipeline_health" and r._field == "ready")
    |> aggregateWindow(every: 30s, fn: min, createEmpty: true, timeSrc: "_start")
    |> map(
        fn: (r) =>
            ({
                _time: r._time,
                _value:
                    if not exists r._value then
                        "silent"
                    else if r._value < 1.0 then
                        "not ready"
                    else
                        "ready",
                name: r.service + " " + r.instance,
            }),
    )
    |> group(columns: ["name"])
