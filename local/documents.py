"""
The tables in the documents that code knows better; `python -m local.documents` writes them again.

Each stands between `<!-- name: ... -->` and `<!-- end -->`. With --check nothing is written.
"""

import argparse
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from include.errors import Misconfigured
from include.kpis.registry import REGISTRY
from include.quality.checks import load_checks
from include.runtime import run_command
from include.settings import PREFIX, Settings
from include.streaming.health import definitions
from local.layout import REPOSITORY

PAGES = {  # and the one table each holds
    "README.md": "kpis",
    "docs/settings.md": "settings",
    "docs/health.md": "metrics",
    "docs/quality.md": "checks",
}
MARKED = re.compile(r"(<!-- (\w+): .+ -->\n)(?:.*\n)*?(<!-- end -->\n)")


def generated() -> dict[Path, str]:
    """
    Return what each page should say, by its path.

    Raises:
        Misconfigured: A page has lost the marks its table stands between.
    """
    tables = {"settings": _settings(), "metrics": _metrics(), "checks": _checks(), "kpis": _kpis()}
    pages = {REPOSITORY / name: (REPOSITORY / name).read_text(encoding="utf-8") for name in PAGES}
    for name, table in PAGES.items():
        marks = [found[2] for found in MARKED.finditer(pages[REPOSITORY / name])]
        if marks != [table]:
            raise Misconfigured(
                f"{name}: expected one table between `<!-- {table}: ... -->` and `<!-- end -->`, "
                f"found {', '.join(marks) or 'none'}: put the two lines back, then `make documents`"
            )
    return {
        path: MARKED.sub(lambda found: found[1] + tables[found[2]] + found[3], text)
        for path, text in pages.items()
    }


def write() -> None:
    """Write the tables into their pages."""
    for path, text in generated().items():
        path.write_text(text, encoding="utf-8")


def differing() -> None:
    """
    Compare the pages with what the code says.

    Raises:
        Misconfigured: Some differ; the message names them.
    """
    wrong = [
        str(path.relative_to(REPOSITORY))
        for path, text in generated().items()
        if path.read_text("utf-8") != text
    ]
    if wrong:
        raise Misconfigured(f"{', '.join(wrong)}: not what the code says: `make documents`")


def shown(default: object) -> str:
    """Return a setting's default as one would write it."""
    if isinstance(default, tuple):
        return ",".join(map(str, default))
    return f"{default:g}" if isinstance(default, float) else str(default)


def _settings() -> str:
    rows = [
        (
            f"`{PREFIX}{name.upper()}`",
            f"`{text}`" if (text := shown(field.default)) else "",
            field.description,
        )
        for name, field in Settings.model_fields.items()
    ]
    return _table(("variable", "default", "what"), rows)


def _metrics() -> str:
    rows = [
        (
            f"`{definitions.PREFIX}{m.name}`",
            m.kind,
            m.unit,
            " ".join(m.services),
            " ".join(m.labels),
            m.help,
        )
        for m in definitions.METRICS
    ]
    return _table(("metric", "type", "unit", "of", "labels", "what"), rows)


def _checks() -> str:
    rows = [(f"`{c.name}`", c.severity, c.meaning, c.advice) for c in load_checks()]
    return _table(("check", "severity", "the rule", "when it is broken"), rows)


def _kpis() -> str:
    rows = [(f"`{k.name}`", k.formula, k.unit, k.window) for k in REGISTRY]
    return _table(("name", "formula", "unit", "window"), rows)


def _table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    ruled = f"|{'---|' * len(head)}\n"
    first, *others = [f"| {' | '.join(map(str, line))} |\n" for line in (head, *rows)]
    return "".join([first, ruled, *others])


def main() -> int:
    parser = argparse.ArgumentParser(prog="make documents", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, fail if it would")
    options = parser.parse_args()
    return run_command("documents", differing if options.check else write)


if __name__ == "__main__":
    sys.exit(main())
