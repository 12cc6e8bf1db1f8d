// include/dashboards/pipeline.py: queries of the dashboard Pipeline.

// name: sum_last
// Sum of the newest values of all series of a metric.
from(bucket: bucket)
    |> range(start: start, stop: stop)
    |> filter(fn: (r) => r._measurement == "pipeline_health")
    |> filter(fn: (r) => @fields)
    |> aggregateWindow(every: window, fn: last, createEmpty: false, timeSrc: "_start")
    |> group(columns: ["_time"])
    |> sum()
    |> group()
    |> sort(columns: ["_time"])

// name: ready
// Readiness of each service instance, in steps of 30 seconds: ready, not ready or silent.
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

// name: snapshots
// Snapshots stored per minute, by symbol. A minute without snapshots is 0.
from(bucket: bucket)
    |> range(start: start, stop: stop)
    |> filter(fn: (r) => r._measurement == "crypto_prices" and r._field == "close")
    |> aggregateWindow(every: 1m, fn: count, createEmpty: true, timeSrc: "_start")
    |> toFloat()
    |> keep(columns: ["_time", "_value", "symbol"])

// name: health
// Metrics of the services. Each set of labels is a series.
from(bucket: bucket)
    |> range(start: start, stop: stop)
    |> filter(fn: (r) => r._measurement == "pipeline_health")
    |> filter(fn: (r) => @fields)
    |> aggregateWindow(every: window, fn: last, createEmpty: false, timeSrc: "_start")
    |> keep(
        columns: [
            "_time",
            "_value",
            "_field",
            "service",
            "symbol",
            "type",
            "measurement",
            "partition",
            "reason",
            "dependency",
            "condition",
        ],
    )
