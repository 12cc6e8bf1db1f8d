"""What PostgreSQL knows of a market: how far the history has come."""

from typing import Any

from include.kpis.records import MarketKey
from include.settings import Settings
from include.warehouse.connection import connect, postgres_errors, target
from include.warehouse.statements import statement


class Evidence:
    """The history's answers, asked as the role that only reads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.as_reader()

    def of(self, market: MarketKey) -> dict[str, Any]:
        """
        Return lag_s (the age of the market's newest snapshot there, None if it has none), of the
        last 24 hours audited_minutes and proved_minutes, and open_gaps.

        Raises:
            Unavailable: PostgreSQL is unreachable.
        """
        with (
            postgres_errors(target(self._settings), "reading"),
            connect(self._settings, application="market-page") as connection,
        ):
            cursor = connection.execute(statement("live.proof"), market._asdict())
            names = [column.name for column in cursor.description or ()]
            return dict(zip(names, cursor.fetchone() or (), strict=False))
