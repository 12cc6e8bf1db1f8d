SELECT drop_trade_partitions(%(before)s)
