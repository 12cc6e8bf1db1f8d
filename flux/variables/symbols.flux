import "influxdata/influxdb/schema"

schema.tagValues(
    bucket: bucket,
    tag: "symbol",
    predicate: (r) => r._measurement == "crypto_prices" and r.exchange == exchange,
)
