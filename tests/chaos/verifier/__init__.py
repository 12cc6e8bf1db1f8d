"""
Recompute what the stores should hold from what the exchange served, and compare.

Imports nothing of the pipeline: the exchange is asked over its REST API, PostgreSQL by plain
psycopg, InfluxDB by plain HTTP, and the arithmetic is written again, the textbook's way.
"""

from tests.chaos.verifier.verdict import Verdict
from tests.chaos.verifier.verification import Stores, verify

__all__ = ["Stores", "Verdict", "verify"]
