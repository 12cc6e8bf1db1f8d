"""What PostgreSQL holds of one symbol, by plain SQL."""

from typing import Any

import psycopg

from tests.chaos.verifier.verdict import Fields

MS = "(extract(epoch from {}) * 1000)::bigint"
TRADE = ("first_id", "last_id", "ts_ms", "price", "amount", "side")
CANDLE = ("open", "high", "low", "close", "volume", "quote_volume", "trade_count")


class Postgres:
    """A database of market tables, connected to by *conninfo*."""

    def __init__(self, conninfo: str) -> None:
        self._connection = psycopg.connect(conninfo, autocommit=True)

    def close(self) -> None:
        self._connection.close()

    def trades(self, symbol: str) -> list[tuple[int, Fields]]:
        """Return (id, fields) of each row: an id twice is there twice."""
        rows = self._rows(
            f"SELECT trade_id, first_id, last_id, {MS.format('ts')}, price, amount, side"
            " FROM trades WHERE symbol = %s ORDER BY trade_id",
            symbol,
        )
        return [(row[0], dict(zip(TRADE, row[1:], strict=True))) for row in rows]

    def candles(self, symbol: str) -> dict[int, Fields]:
        rows = self._rows(
            f"SELECT {MS.format('open_ts')}, {', '.join(CANDLE)}"
            " FROM candles WHERE symbol = %s AND width_s = 60",
            symbol,
        )
        return {row[0]: dict(zip(CANDLE, row[1:], strict=True)) for row in rows}

    def prices(self, symbol: str) -> dict[int, Fields]:
        """Return the fields that have a value of each row of crypto_prices, by its time."""
        cursor = self._connection.execute(
            f"SELECT *, {MS.format('"timestamp"')} AS ts_ms FROM crypto_prices WHERE symbol = %s",
            [symbol],
        )
        names = [column.name for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        return {
            row["ts_ms"]: {k: v for k, v in row.items() if isinstance(v, float)} for row in rows
        }

    def count(self, table: str) -> int:
        return int(self._rows(f"SELECT count(*) FROM {table}")[0][0])

    def sum(self, table: str, column: str) -> int:
        return int(self._rows(f"SELECT coalesce(sum({column}), 0) FROM {table}")[0][0])

    def folds(self) -> list[Any]:
        """Return the fold's state of each partition."""
        return [row[0] for row in self._rows("SELECT fold FROM kafka_offsets")]

    def _rows(self, query: str, *parameters: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(query, parameters).fetchall()
