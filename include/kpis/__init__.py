"""Arithmetic of the market's figures: records, measures, the registry. Standard library only."""
