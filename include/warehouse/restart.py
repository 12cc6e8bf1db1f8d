"""
Have the drain read its topic from the beginning; `python -m include.warehouse.restart`.

The way out when a drain refuses to go on: the topic was made again, or the fold's state is another
version's. Rows that are there already stay and are not doubled. What a topic made again took with
it is recorded in `kafka_losses`.
"""

import json
import sys

from include.runtime import run_command
from include.settings import Settings
from include.warehouse.connection import Connection, connect, postgres_errors, target
from include.warehouse.statements import statement


def restart(connection: Connection, settings: Settings) -> int:
    """
    Forget where the drain stood in `settings.topic_market`; return the partitions that concerned.

    A drain under way finds its offsets gone, and begins at the beginning as well.

    Raises:
        Unavailable: PostgreSQL is away.
        Misconfigured: The tables are not ours.
    """
    with postgres_errors(target(settings), "forgetting offsets"):
        forgotten = connection.execute(
            statement("load/kafka_offsets/forget"), {"topic": settings.topic_market}
        ).fetchone()
    assert forgotten is not None
    assert isinstance(forgotten[0], int)
    return forgotten[0]


def restart_once() -> None:
    """Restart; print what was done as one line of JSON."""
    settings = Settings.load()
    with connect(settings, application="restart") as connection:
        forgotten = restart(connection, settings)
    print(json.dumps({"topic": settings.topic_market, "partitions_forgotten": forgotten}))


def main() -> int:
    return run_command("restart", restart_once)


if __name__ == "__main__":
    sys.exit(main())
