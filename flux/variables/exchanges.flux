import "influxdata/influxdb/schema"

schema.measurementTagValues(bucket: bucket, measurement: "crypto_prices", tag: "exchange")
