"""
What can go wrong, named by what the caller must do.

* PipelineError
  x BadRecord         this record will never decode: park it, go on
  x Unavailable       the other side is away: retry, or exit and resume
  x Misconfigured     a person must act: exit 2 with one line that says what to change
"""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of every command and service."""

    OK = 0
    FAILED = 1  # ours
    MISCONFIGURED = 2  # yours to fix
    UNAVAILABLE = 3  # the other side is away
    QUALITY = 4  # the data breaks a rule that must hold


class PipelineError(Exception):
    """Base of every error this project raises on purpose."""

    exit_code = Exit.FAILED


class BadRecord(PipelineError):
    """A record that will never decode; park it among the dead letters and go on."""


class Unavailable(PipelineError):
    """
    A service is away for now; retry, or exit and resume.

    Attributes:
        retry_after_s: Seconds the other side asked us to wait, if it said so.
        dependency: Who is away, where that is not plain: "kafka", "influxdb"; else empty.
    """

    exit_code = Exit.UNAVAILABLE

    def __init__(
        self, message: str, *, retry_after_s: float | None = None, dependency: str = ""
    ) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.dependency = dependency


class Misconfigured(PipelineError):
    """A setting is missing, wrong or contradictory; retrying cannot help."""

    exit_code = Exit.MISCONFIGURED
