"""
InfluxDB's edge, for both halves: points as line protocol, written synchronously.

Alone imports influxdb-client, whose errors leave it named by duty.
"""
