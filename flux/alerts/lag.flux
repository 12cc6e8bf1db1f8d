// Records that no consumer has read yet, of each partition.
from(bucket: bucket)
    |> range(start: start, stop: stop)
    |> filter(fn: (r) => r._measurement == "pipeline_health" and r._field == "kafka_lag_records")
    |> last()
    |> map(fn: (r) => ({_time: r._time, partition: r.partition, _value: r._value}))
    |> group(columns: ["partition"])
