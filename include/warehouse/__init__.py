"""
The batch half of the pipeline: Kafka drained into PostgreSQL, with schema, retention and export.

May import `include.broker` and the fold; never `include.streaming`, nor InfluxDB.
"""
