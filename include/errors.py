"""
The errors of this project, by what the caller must do.

* PipelineError
  * BadRecord: quarantine the record as a dead letter, and continue with the next one.
  * Unavailable: retry, or exit and resume.
  * Misconfigured: exit with 2 and one line that states what to change.
"""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of all commands and services."""

    OK = 0
    FAILED = 1
    """The command itself failed."""
    MISCONFIGURED = 2
    """The operator must change the configuration."""
    UNAVAILABLE = 3
    """Another service is unreachable."""
    QUALITY = 4
    """The data fails a check of severity error."""


class PipelineError(Exception):
    """Base class of the errors that this project raises on purpose."""

    exit_code = Exit.FAILED


class BadRecord(PipelineError):
    """A record that can never be decoded or stored; quarantine it as a dead letter."""


class Unavailable(PipelineError):
    """A service is unreachable or overloaded; retry, or exit and resume."""

    exit_code = Exit.UNAVAILABLE
    retry_after_s: float | None
    """Seconds to wait, as the service requested; None if it requested no wait."""
    dependency: str
    """The service, "kafka" or "influxdb"; empty if the caller has only one."""

    def __init__(
        self, message: str, *, retry_after_s: float | None = None, dependency: str = ""
    ) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.dependency = dependency


class Misconfigured(PipelineError):
    """A setting is missing, wrong, or contradictory; a retry cannot succeed."""

    exit_code = Exit.MISCONFIGURED
