"""What a checkout is told: the lines of its `.env` file, overridden by the process environment."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from include.errors import Misconfigured

LINE = re.compile(r"(?:export\s+)?([A-Z][A-Z0-9_]*)=(.*)")
OURS = re.compile(r"PIPELINE_\w+|[A-Z_]+_PORT")


def read_configuration(file: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """
    Return the settings (PIPELINE_*) and the ports (*_PORT) of `file` and of `environ`.

    A file that is not there counts as empty. Values may stand in single or double quotes.

    Raises:
        Misconfigured: A line of the file is not NAME=value.
    """
    found: dict[str, str] = {}
    for number, text in enumerate(_lines(file), start=1):
        if not text or text.startswith("#"):
            continue
        match = LINE.fullmatch(text)
        if match is None:
            # not what stands there: it may be a secret on the wrong line
            raise Misconfigured(f"{file}, line {number}: expected NAME=value, found another form")
        found[match[1]] = _unquoted(match[2].strip())
    found |= {name: value for name, value in environ.items() if OURS.fullmatch(name)}
    return {name: value for name, value in found.items() if OURS.fullmatch(name)}


def read_variables(
    file: Path, environ: Mapping[str, str], names: Collection[str]
) -> dict[str, str]:
    """
    Return those of the named variables that `file` or `environ` sets; `environ` takes precedence.

    A line of the file that is not NAME=value is passed over: `read_configuration` reports it.
    """
    matches = [LINE.fullmatch(text) for text in _lines(file)]
    found = {match[1]: _unquoted(match[2].strip()) for match in matches if match}
    return {name: value for name, value in {**found, **environ}.items() if name in names and value}


def _lines(file: Path) -> list[str]:
    try:
        return [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    except FileNotFoundError:
        return []


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1]
    return value.split(" #")[0].rstrip()
