"""
The trusted half: Kafka drained into PostgreSQL, its schema, its retention, its export.

May import `include.broker` and the fold; never `include.streaming`, nor InfluxDB.
"""
