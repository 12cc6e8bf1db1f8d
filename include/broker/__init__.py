"""The Kafka adapter: topics, a transactional writer, a reader of whole logs, a group member."""
