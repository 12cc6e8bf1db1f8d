"""
Adapters of exchanges: snapshots, trades and candles over REST by ccxt, trades over WebSocket.

The adapters return the records of `include.kpis.records` and translate every failure to
`include.errors`. Only this package imports ccxt.
"""
