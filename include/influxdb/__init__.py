"""
The InfluxDB adapter: points as line protocol, written synchronously, and queries of the bucket.

It alone imports influxdb-client, and translates its errors to those of `include.errors`.
"""
