import "influxdata/influxdb/schema"

schema.measurementTagValues(bucket: v.defaultBucket, measurement: "crypto_prices", tag: "exchange")
