"""
Let the drain read its topic from the beginning; `python -m include.warehouse.reset_offsets`.

For a drain that rejects its stored position: the topic was recreated or truncated, or the fold's
state is of another version. Stored rows stay and are not duplicated. Records that were lost with a
recreated topic are recorded in `kafka_losses`.
"""

import json
import sys

from include.runtime import run_command
from include.settings import Settings
from include.warehouse import offsets
from include.warehouse.connection import Connection, connect, postgres_errors, target


def reset_offsets(connection: Connection, settings: Settings) -> int:
    """
    Forget the drain's positions in `settings.topic_market`; return the number of partitions.

    A drain that runs at the same time starts again from the beginning, too.

    Raises:
        Unavailable: PostgreSQL is unreachable.
        Misconfigured: The tables are not those of this version.
    """
    with postgres_errors(target(settings), "resetting offsets"):
        return offsets.forget(connection, settings.topic_market)


def reset_once() -> None:
    """Reset; print the result as one line of JSON."""
    settings = Settings.load()
    with connect(settings, application="reset-offsets") as connection:
        partitions = reset_offsets(connection, settings)
    print(json.dumps({"topic": settings.topic_market, "partitions_reset": partitions}))


def main() -> int:
    return run_command("reset-offsets", reset_once)


if __name__ == "__main__":
    sys.exit(main())
