// Whether each instance of each service says that it is ready: 1 or 0.
from(bucket: bucket)
    |> range(start: start, stop: stop)
    |> filter(fn: (r) => r._measurement == "pipeline_health" and r._field == "ready")
    |> aggregateWindow(every: window, fn: min, createEmpty: false, timeSrc: "_start")
    |> map(
        fn: (r) =>
            ({
                _time: r._time,
                _value: if r._value < 1.0 then "not ready" else "ready",
                name: r.service + " " + r.instance,
            }),
    )
    |> group(columns: ["name"])
