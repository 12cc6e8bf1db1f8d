"""
The live half: producer (exchange to Kafka) and consumer (Kafka to InfluxDB).

May import the adapters of the three and the fold; never `include.warehouse`, nor PostgreSQL.
"""
