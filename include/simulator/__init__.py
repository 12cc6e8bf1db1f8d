"""
A Binance-shaped exchange on loopback: generated or recorded market, faults on request.

Knows the nouns and the settings; shares no code with what asks it.
"""
