"""
Arithmetic of the market's figures: records, measures, the fold, the registry.

Imports the standard library only, and nothing of ours; `frames.py` alone knows pandas-ta.
"""
