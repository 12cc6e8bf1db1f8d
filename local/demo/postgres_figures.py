"""How many rows the drain has stored, and up to where."""

from datetime import datetime
from typing import Any, NamedTuple

import psycopg

from include.errors import Unavailable
from include.settings import Settings
from include.warehouse.statements import statement


class Rows(NamedTuple):
    """Rows by table; snapshots are those of crypto_prices."""

    snapshots: int = 0
    trades: int = 0
    candles: int = 0
    dead_letters: int = 0


class PostgresFigures:
    """Questions about one line's market database; connects anew when the server went away."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connection: psycopg.Connection | None = None

    def rows(self) -> Rows:
        """
        Return the counts.

        Raises:
            Unavailable: PostgreSQL does not answer.
        """
        return Rows(*self._ask(statement("demo.count_rows"))[0])

    def newest_snapshot(self) -> datetime | None:
        """Return when the newest stored snapshot happened."""
        found: Any = self._ask(statement("demo.newest_snapshot"))[0][0]
        return found if isinstance(found, datetime) else None

    def next_offsets(self) -> dict[int, int]:
        """Return, by partition of `crypto.market`, the offset the drain goes on from."""
        rows = self._ask(statement("demo.next_offsets"), {"topic": self._settings.topic_market})
        return {int(partition): int(offset) for partition, offset in rows}

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()

    def _ask(self, query: bytes, parameters: dict[str, str] | None = None) -> list[tuple[Any, ...]]:
        try:
            if self._connection is None or self._connection.closed:
                self._connection = psycopg.connect(
                    host=self._settings.postgres_host,
                    port=self._settings.postgres_port,
                    dbname=self._settings.postgres_database,
                    user=self._settings.postgres_user,
                    passfile=str(self._settings.postgres_passfile),
                    connect_timeout=5,
                    autocommit=True,
                )
            return self._connection.execute(query, parameters).fetchall()
        except psycopg.OperationalError as e:
            self.close()
            raise Unavailable(f"PostgreSQL: {str(e).splitlines()[0]}") from e
