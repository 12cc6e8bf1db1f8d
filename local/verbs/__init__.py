"""The verbs of `python -m local`, each with its summary, its options and what it does."""

from local.verbs.demonstration import DEMO, DEMO_CHECK, REPLAY
from local.verbs.development import (
    BENCH,
    CHAOS,
    DASHBOARDS,
    DOCUMENTS,
    GOLDEN,
    LINT,
    LOCK,
    SETUP,
    TEST,
    TEST_DOCKER,
)
from local.verbs.examination import DOCTOR
from local.verbs.operation import (
    CONFIG_CHECK,
    DEAD_LETTERS,
    DOWN,
    ENV,
    EXPORT,
    LOGS,
    QUALITY,
    RESET_OFFSETS,
    STATUS,
    UP,
    WATCH,
)
from local.verbs.verb import Verb

__all__ = ["VERBS", "Verb"]

VERBS: tuple[Verb, ...] = (
    DEMO,
    DEMO_CHECK,
    REPLAY,
    UP,
    DOWN,
    STATUS,
    WATCH,
    LOGS,
    ENV,
    RESET_OFFSETS,
    DEAD_LETTERS,
    QUALITY,
    EXPORT,
    CONFIG_CHECK,
    DOCTOR,
    SETUP,
    TEST,
    TEST_DOCKER,
    CHAOS,
    LINT,
    GOLDEN,
    DASHBOARDS,
    DOCUMENTS,
    BENCH,
    LOCK,
)
