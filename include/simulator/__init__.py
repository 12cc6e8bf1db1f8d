"""
A simulated exchange with Binance's API: a generated or recorded market, and faults on request.

The pipeline reaches it over HTTP and WebSocket only; both sides share no code but the settings'
errors and logging.
"""
