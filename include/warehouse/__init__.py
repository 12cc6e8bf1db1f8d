"""The trusted half: Kafka and exchange history into PostgreSQL, proved."""
