"""PostgreSQL: whether it answers, has this version's tables, and lets each role in."""

from include.errors import Misconfigured
from include.settings import Settings
from include.warehouse.connection import connect, postgres_errors, target
from include.warehouse.migrations import list_pending
from include.warehouse.statements import statement


def writes(settings: Settings) -> str:
    """
    Ask, as the role that writes, whether all migrations are applied.

    Raises:
        Unavailable: PostgreSQL is away.
        Misconfigured: They are not, or the role is refused.
    """
    if names := list_pending(settings):
        raise Misconfigured(
            f"PostgreSQL as {target(settings)}: migrations not applied: {', '.join(names)}: run "
            "`python -m include.warehouse.migrations` as the owner"
        )
    return f"{target(settings)}, all migrations applied"


def reads(settings: Settings) -> str:
    """
    Ask, as the role that reads, for the newest prices.

    Raises:
        Unavailable: PostgreSQL is away.
        Misconfigured: The role or its right is refused.
    """
    reader = settings.as_reader()
    with (
        connect(reader, application="doctor") as connection,
        postgres_errors(target(reader), "reading"),
    ):
        connection.execute(statement("doctor.read"))
    return target(reader)
