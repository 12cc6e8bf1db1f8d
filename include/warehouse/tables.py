"""Tables that are loaded by binary COPY: their columns, in the order of the rows of `rows.py`."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple, cast

from psycopg import sql

from include.kpis.registry import NAMES
from include.warehouse.connection import Connection
from include.warehouse.statements import compose, statement

type Row = tuple[object, ...]


class Table(NamedTuple):
    """A table, and the format in which its rows are copied."""

    name: str
    columns: Mapping[str, str]
    """Binary format of each copied column; timestamptz is "int8", see `rows.to_timestamptz`."""
    key: tuple[str, ...]
    """The columns of the primary key, or of the natural key."""

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


def copy_rows(
    connection: Connection, table: Table, rows: Iterable[Row], *, staged: bool = False
) -> int:
    """
    Copy rows into a table; return how many.

    Args:
        connection: Inside a transaction if *staged*, because that table is emptied at its end.
        table: Where they go.
        rows: In the order of `table.columns`.
        staged: Copy into the staging table instead, which exists.
    """
    copied = 0
    with connection.cursor() as cursor, cursor.copy(table.copy(staged=staged)) as copy:
        copy.set_types(list(table.columns.values()))
        write_row = copy.write_row
        for copied, row in enumerate(rows, start=1):  # noqa: B007  # the last one is the count
            write_row(row)
    return copied


def stage_rows(connection: Connection, table: Table, rows: Iterable[Row]) -> int:
    """Copy rows into the table's staging table, empty before; return how many."""
    connection.execute(table.stage())
    connection.execute(table.empty())
    return copy_rows(connection, table, rows, staged=True)


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
