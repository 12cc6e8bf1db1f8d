"""What is parked, for people: how many for which reason, then one line a letter."""

from collections import Counter, deque
from collections.abc import Iterator

from include.dead_letters import letters
from include.dead_letters.letters import Letter
from include.settings import Settings
from include.warehouse.connection import Connection

MOST_LISTED = 50  # of each half; the counts are of all
PREVIEW_BYTES = 60


def lines(settings: Settings, connection: Connection) -> Iterator[str]:
    """
    Yield the list: counts by sink and reason, then each half's letters, newest first.

    Raises:
        Unavailable: Kafka or PostgreSQL is away.
    """
    drains = letters.of_drain(connection, PREVIEW_BYTES)
    reasons = Counter((letter.sink, _kind(letter)) for letter in drains)
    newest: deque[Letter] = deque(maxlen=MOST_LISTED)
    for letter in letters.of_consumer(settings, connection):
        reasons[letter.sink, _kind(letter)] += 1
        newest.append(letter._replace(start=letter.start[:PREVIEW_BYTES]))
    if not reasons:
        yield "no dead letters"
        return
    for (sink, kind), number in reasons.most_common():
        yield f"{number:>7}  {sink:<10}  {kind}"
    yield ""
    for letter in [*drains[:MOST_LISTED], *reversed(newest)]:
        yield _line(letter)


def _line(letter: Letter) -> str:
    preview = repr(letter.start[:PREVIEW_BYTES])[2:-1]  # escapes all that is not printable ASCII
    size = f"{letter.value_bytes} bytes"
    return f"{letter.sink:<10}  {letter.place}  {size}  {_escaped(letter.reason)}  {preview}"


def _kind(letter: Letter) -> str:
    """Return what was expected, without what was found: that differs from record to record."""
    return _escaped(letter.reason.partition(", found ")[0])


def _escaped(text: str) -> str:
    return text.encode("unicode_escape").decode()
