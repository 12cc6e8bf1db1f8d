import "influxdata/influxdb/schema"

schema.tagValues(
    bucket: v.defaultBucket,
    tag: "symbol",
    predicate: (r) => r._measurement == "crypto_prices" and r.exchange == "${exchange}",
)
