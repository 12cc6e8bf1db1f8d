"""
What is stored, proved against the exchange: minutes, gaps and their repair, checks, counts.

The outermost layer: may import all of `include` but the pages and the dead letters.
"""
