"""Checks of `make doctor` and their results: of the servers here, of the machine in `local`."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from include.errors import Exit, PipelineError, Unavailable

MOST_SEVERE_FIRST = (Exit.MISCONFIGURED, Exit.FAILED, Exit.UNAVAILABLE)


class CheckResult(NamedTuple):
    """The result of one check."""

    subject: str
    """What was checked."""
    text: str
    """The state, or what was expected, what was found and what to do."""
    code: Exit = Exit.OK
    """OK, MISCONFIGURED (an operator has to act) or UNAVAILABLE (the server is unreachable)."""

    def __str__(self) -> str:
        state = "ok" if self.code is Exit.OK else "NOT OK"
        return f"{self.subject:<19}{state:<7} {self.text}"


class Check(NamedTuple):
    """Something to check."""

    subject: str
    """What is checked."""
    run: Callable[[], str]
    """Returns the state, or raises a PipelineError."""
    advice: str = ""
    """What to check if the server is unreachable; appended to the error."""


def run_check(check: Check) -> CheckResult:
    """Run a check; return its result, also for errors of the pipeline."""
    try:
        return CheckResult(check.subject, check.run())
    except Unavailable as e:
        advice = f": {check.advice}" if check.advice else ""
        return CheckResult(check.subject, f"{e}{advice}", e.exit_code)
    except PipelineError as e:
        return CheckResult(check.subject, str(e), e.exit_code)


def most_severe(results: Iterable[CheckResult]) -> Exit:
    """Return the exit code of several results: what an operator has to fix comes first."""
    codes = {result.code for result in results}
    return next((code for code in MOST_SEVERE_FIRST if code in codes), Exit.OK)
