"""InfluxDB's edge, for both halves: points as line protocol, written synchronously."""
