// include/dashboards/variables.py: choices of the dashboards' variables.

// name: exchanges
import "influxdata/influxdb/schema"

schema.measurementTagValues(bucket: bucket, measurement: "crypto_prices", tag: "exchange")

// name: symbols
import "influxdata/influxdb/schema"

schema.tagValues(
    bucket: bucket,
    tag: "symbol",
    predicate: (r) => r._measurement == "crypto_prices" and r.exchange == exchange,
)
