"""
A simulated exchange with Binance's API: a generated or recorded market, and faults on request.

The pipeline reaches it over HTTP and WebSocket only. The two share no code except
`include.errors`, `include.command` and logging.
"""
