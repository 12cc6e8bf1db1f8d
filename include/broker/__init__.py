"""
The Kafka adapter: topics, writers, a reader of whole topics, and a member of a consumer group.

It alone imports kafka-python, and translates its errors to those of `include.errors`. It does not
decode the records.
"""
