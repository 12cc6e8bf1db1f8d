"""
The Kafka adapter: topics, a transactional writer, a reader of whole logs, a group member.

Alone imports kafka-python, whose errors leave it named by duty. It knows `include.settings`, not
what the records mean.
"""
