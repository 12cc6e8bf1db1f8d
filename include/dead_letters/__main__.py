"""List what is parked, or put it through again; `python -m include.dead_letters [replay]`."""

import argparse
import sys
from contextlib import closing

from include import log
from include.dead_letters.letters import Place
from include.dead_letters.listing import lines
from include.dead_letters.replay import replay
from include.runtime import run_command
from include.settings import Settings
from include.warehouse.connection import connect, postgres_errors, target


def place(text: str) -> Place:
    """Return the place that `topic/partition/offset` names."""
    topic, partition, offset = text.rsplit("/", 2)
    return Place(topic, int(partition), int(offset))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("dead-letters", description=__doc__)
    verbs = parser.add_subparsers(dest="verb")
    verbs.add_parser("list", help="what is parked, newest first (the default)")
    replaying = verbs.add_parser("replay", help="put letters through again, once")
    replaying.add_argument(
        "places", nargs="*", type=place, metavar="TOPIC/PARTITION/OFFSET", help="default: all"
    )
    return parser.parse_args()


def run(chosen: argparse.Namespace) -> None:
    """List or replay; one line a letter."""
    settings = Settings.load()
    doing = "reading dead letters"
    with (
        closing(connect(settings, application="dead-letters")) as connection,
        postgres_errors(target(settings), doing),
    ):
        if chosen.verb != "replay":
            for line in lines(settings, connection):
                print(line)
            return
        done = left = 0
        for replayed in replay(settings, connection, chosen.places):
            done, left = done + replayed.is_done, left + (not replayed.is_done)
            said = replayed.outcome.encode("unicode_escape").decode()
            print(f"{replayed.letter.sink:<10}  {replayed.letter.place}  {said}")
        print(f"replayed {done}, left {left}")


def main() -> int:
    chosen = arguments()
    log.configure("dead-letters")
    return run_command("dead-letters", lambda: run(chosen))


if __name__ == "__main__":
    sys.exit(main())
