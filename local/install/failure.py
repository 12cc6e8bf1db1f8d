"""Why a tool failed, in one line, and whose it is to act."""

import errno
import re
from pathlib import Path

from include.errors import Misconfigured, PipelineError, Unavailable

NO_SPACE = re.compile(r"no space left on device|disk quota exceeded|\(os error 28\)", re.I)
DAMAGED = re.compile(r"checksum mismatch|checksum validation failed|do not match the hashes", re.I)
NO_NETWORK = re.compile(
    r"no such host|name resolution|name or service not known|could not resolve|unknown host"
    r"|network is unreachable|no route to host|connection refused|connection reset"
    r"|connection timed out|connect timed out|i/o timeout|handshake timeout|read timed out"
    r"|dns error|error sending request|failed to fetch|could not transfer artifact"
    r"|error decoding response body|unexpected eof|newconnectionerror|connecttimeouterror"
    r"|proxyerror|50[234] (bad gateway|service unavailable|gateway time)",
    re.I,
)
CAUSE = re.compile(r"^\W*(error|fatal|panic)\b|: error:|\berror\[", re.I)
NOISE = re.compile(r"^\[Help \d\]|re-run Maven|For more information|^$|exit status \d+$", re.I)
LOG_TAIL = 200_000  # bytes of a failed tool's output that are looked at


def explain(name: str, doing: str, log: Path, start: int) -> PipelineError:
    """Return the error for a tool that failed; its output is in `log` from offset `start` on."""
    with log.open("rb") as file:
        file.seek(max(start, log.stat().st_size - LOG_TAIL))
        output = file.read().decode(errors="replace")
    printed = [(raw, plain(raw)) for raw in output.splitlines()]
    lines = [line for _, line in printed if not NOISE.search(line)]
    if any(NO_SPACE.search(line) for line in lines):
        return no_space(name, log.parent)
    damaged = next((line for line in lines if DAMAGED.search(line)), None)
    if damaged:
        return Misconfigured(
            f"{name}: fetched something else than is pinned: {damaged}; log: {log}"
        )
    away = next(filter(None, map(NO_NETWORK.search, lines)), None)
    if away:
        return Unavailable(
            f"{name}: the network is away while {doing} ({away[0]}): run this again when it is "
            f"back, it resumes; log: {log}"
        )
    causes = [line for raw, line in printed if line and CAUSE.search(raw)]
    cause = (causes[:1] or lines[-1:] or ["it printed nothing"])[0]
    return PipelineError(f"{name}: failed while {doing}: {cause}; log: {log}")


def explain_os_error(name: str, error: OSError, folder: Path) -> PipelineError:
    """Return the error for what the operating system refused us."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return no_space(name, folder)
    return PipelineError(f"{name}: {error}")


def no_space(name: str, folder: Path) -> Misconfigured:
    """Return the error for a full disk."""
    return Misconfigured(
        f"{name}: no space left on the disk of {folder}: free some and run this again (it "
        "resumes), or set XDG_CACHE_HOME to a folder on a larger disk"
    )


def plain(line: str) -> str:
    """Drop colours and Maven's tag; cut what is too long to read."""
    return re.sub(r"\x1b\[[\d;]*[mK]|\[(ERROR|WARNING|INFO)\] ?", "", line).strip()[:300]
