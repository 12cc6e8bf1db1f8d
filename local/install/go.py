"""How Go compiles what we need, the same on every machine."""

import os
from pathlib import Path


def go_environment(work: Path, *, cgo: bool) -> dict[str, str]:
    """Return Go's environment: caches inside `work`, nothing of the user's flags."""
    temporary = work / "temporary"
    temporary.mkdir(exist_ok=True)
    return os.environ | {
        "GOMODCACHE": str(work / "modules"),
        "GOCACHE": str(work / "objects"),
        "GOTMPDIR": str(temporary),
        "GOFLAGS": "-mod=readonly -modcacherw -buildvcs=false",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "CGO_ENABLED": str(int(cgo)),
    }
