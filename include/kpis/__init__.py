"""
Market arithmetic: event records, indicators, the KPI engine and the registry of KPIs.

Streaming and batch code import it. The package itself imports the standard library only, so that it
can be replaced or tested alone. `pandas_indicators` is the exception: it imports pandas and
pandas-ta.
"""
