"""The tables the drain writes: their columns, in the order of the rows of `rows.py`."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple, cast

from psycopg import sql

from include.kpis.registry import NAMES
from include.warehouse.connection import Connection
from include.warehouse.statements import compose, statement


class Table(NamedTuple):
    """
    One table, and what rows are copied as.

    Attributes:
        columns: PostgreSQL's binary format of each column copied, by its name; timestamptz is
            "int8" (see `rows.timestamp`).
        key: The columns that say which row is which.
    """

    name: str
    columns: Mapping[str, str]
    key: tuple[str, ...]

    def stage(self) -> sql.Composed:
        """Return the statement that creates the staging table."""
        return compose(
            "warehouse/tables.stage", staged=self._staged(), table=sql.Identifier(self.name)
        )

    def empty(self) -> sql.Composed:
        """Return the statement that empties the staging table."""
        return compose("warehouse/tables.empty", staged=self._staged())

    def merge(self) -> sql.Composed:
        """Return the statement that inserts the staged rows whose key is not stored yet."""
        return compose(
            "warehouse/tables.merge",
            table=sql.Identifier(self.name),
            staged=self._staged(),
            columns=_joined(self.columns),
            key=_joined(self.key),
        )

    def copy(self, *, staged: bool) -> sql.Composed:
        """Return the COPY into the table, or into its staging table."""
        target = self._staged() if staged else sql.Identifier(self.name)
        return compose("warehouse/tables.copy", target=target, columns=_joined(self.columns))

    def _staged(self) -> sql.Identifier:
        return sql.Identifier(f"staged_{self.name}")


def ensure_trade_partitions(connection: Connection, days: Sequence[date]) -> int:
    """Create the partitions of `trades` for *days* that do not exist; return how many."""
    row = connection.execute(
        statement("warehouse/tables.ensure_trade_partitions"), {"days": list(days)}
    ).fetchone()
    return cast(int, row[0]) if row else 0


def _joined(names: Mapping[str, str] | tuple[str, ...]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))


MARKET = {"exchange": "text", "symbol": "text"}

CRYPTO_PRICES = Table(
    "crypto_prices",
    {**MARKET, "timestamp": "int8", **dict.fromkeys(NAMES, "float8")},
    ("exchange", "symbol", "timestamp"),
)
TRADES = Table(
    "trades",
    {
        **MARKET,
        **dict.fromkeys(("trade_id", "first_id", "last_id", "ts"), "int8"),
        **dict.fromkeys(("price", "amount"), "float8"),
        "side": "text",
    },
    ("ts", "trade_id", "symbol", "exchange"),
)
CANDLES = Table(
    "candles",
    {
        **MARKET,
        "width_s": "int4",
        "open_ts": "int8",
        **dict.fromkeys(("open", "high", "low", "close", "volume", "quote_volume"), "float8"),
        "trade_count": "int4",
    },
    ("exchange", "symbol", "width_s", "open_ts"),
)
GAPS = Table(
    "gaps",
    {**MARKET, "first_id": "int8", "last_id": "int8", "reason": "text", "reported_at": "int8"},
    ("exchange", "symbol", "first_id", "last_id"),
)
DEAD_LETTERS = Table(
    "dead_letters",
    {
        "topic": "text",
        "partition": "int4",
        "offset": "int8",
        "reason": "text",
        "value": "bytea",
        "value_bytes": "int4",
    },
    ("topic", "partition", "offset"),
)
INDICATORS = Table(  # written by the recomputation, not by the drain
    "indicators",
    {
        **MARKET,
        "width_s": "int4",
        "open_ts": "int8",
        **dict.fromkeys(("vwap", "macd", "macd_signal", "macd_hist"), "float8"),
        "candle_revision": "int4",
    },
    ("exchange", "symbol", "width_s", "open_ts"),
)
TABLES = (CRYPTO_PRICES, TRADES, CANDLES, GAPS, DEAD_LETTERS)
