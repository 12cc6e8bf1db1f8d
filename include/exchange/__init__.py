"""
All that speaks ccxt: markets polled, history paged, errors named by duty.

Returns the nouns of `include.kpis.records`; imports nothing of the stores.
"""
