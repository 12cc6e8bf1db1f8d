"""A Binance-shaped exchange on loopback: generated or recorded market, faults on request."""
