"""Grafana, where one is installed on this machine."""

import shutil
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("grafana", "grafana-server")
PACKAGED_HOME = Path("/usr/share/grafana")
HOW_TO_GET = "not installed: put `grafana` on the PATH (grafana.com/grafana/download), start again"


@dataclass(frozen=True)
class Grafana:
    """
    An installed Grafana.

    Attributes:
        home: The folder with its `public` and `conf`.
    """

    program: Path
    home: Path


def installed_grafana() -> Grafana | None:
    """Return the Grafana on the PATH, None if there is none that can run."""
    for name in PROGRAMS:
        found = shutil.which(name)
        if found is None:
            continue
        program = Path(found).resolve()
        for home in (program.parent.parent, PACKAGED_HOME):
            if (home / "conf" / "defaults.ini").is_file():
                return Grafana(program, home)
    return None
