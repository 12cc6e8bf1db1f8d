"""
The live half: the producer (exchange to Kafka) and the consumer (Kafka to InfluxDB).

It may import the adapters of these three and the KPI engine, never `include.warehouse` or a
PostgreSQL client.
"""
