"""How the services are: metrics and readiness, over HTTP, through Kafka, into InfluxDB."""
