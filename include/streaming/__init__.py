"""The live half: producer (exchange to Kafka) and consumer (Kafka to InfluxDB)."""
