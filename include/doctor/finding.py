"""What one look found: well, or one line that says what was expected, found, and what to do."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from include.errors import Exit, PipelineError, Unavailable

GRAVEST_FIRST = (Exit.MISCONFIGURED, Exit.FAILED, Exit.UNAVAILABLE)


class Finding(NamedTuple):
    """
    One look's result.

    Attributes:
        subject: What was looked at.
        text: How it is, or what is wrong and what to do.
        code: OK, MISCONFIGURED (a person must act) or UNAVAILABLE (away).
    """

    subject: str
    text: str
    code: Exit = Exit.OK

    def __str__(self) -> str:
        state = "ok" if self.code is Exit.OK else "NOT OK"
        return f"{self.subject:<19}{state:<7} {self.text}"


class Look(NamedTuple):
    """
    Something to look at.

    Attributes:
        subject: What is looked at.
        take: Returns how it is, or raises a PipelineError.
        when_away: What to see to if it is away, unless that says so itself.
    """

    subject: str
    take: Callable[[], str]
    when_away: str = ""


def found(look: Look) -> Finding:
    """Look."""
    try:
        return Finding(look.subject, look.take())
    except Unavailable as e:
        advice = f": {look.when_away}" if look.when_away else ""
        return Finding(look.subject, f"{e}{advice}", e.exit_code)
    except PipelineError as e:
        return Finding(look.subject, str(e), e.exit_code)


def gravest(findings: Iterable[Finding]) -> Exit:
    """Return the exit code of several: what a person must do comes before what is away."""
    codes = {finding.code for finding in findings}
    return next((code for code in GRAVEST_FIRST if code in codes), Exit.OK)
