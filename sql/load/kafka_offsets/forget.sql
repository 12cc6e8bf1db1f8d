SELECT forget_kafka_offsets(%(topic)s)
