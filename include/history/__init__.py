"""
The exchange's history in PostgreSQL: candles, their indicators, and the stream compared with them.

May import `include.exchange`, `include.warehouse` and `include.influxdb`. pandas is imported by
`include.kpis.pandas_indicators` and `indicators` only.
"""
