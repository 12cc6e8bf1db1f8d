// Metrics of the services; a series for each of their labels.
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
