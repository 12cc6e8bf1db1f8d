"""
What the exchange's history knows, brought into PostgreSQL: candles, and what follows of them.

May import `include.exchange`, `include.warehouse` and `include.influxdb`; pandas stays in
`include.kpis.pandas_indicators`.
"""
