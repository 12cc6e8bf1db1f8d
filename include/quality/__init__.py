"""
Proof of the stored data against the exchange: minutes, gaps and their repair, counts, checks.

The outermost layer: may import all of `include` but the pages and the dead letters.
"""
