"""
Files of named statements: the queries of one module, each below a header as aiosql writes it.

    -- name: lock
    -- A comment, which stays with the statement.
    SELECT ...;

SQL and Flux differ only in how a comment starts. `include.warehouse.statements` and
`include.influxdb.queries` use this for the files of `sql/` and `flux/`.
"""

import re
from functools import cache
from pathlib import Path


@cache
def named_statements(path: Path, comment: str) -> dict[str, str]:
    """
    Return the statements of a file by name, each without its header and final semicolon.

    Args:
        path: The file. It is read once per process.
        comment: What starts a comment, `--` or `//`.

    Raises:
        LookupError: The file does not exist, has text before its first header, or has a name twice.
    """
    if not path.is_file():
        raise LookupError(f"expected statements in {path}, found no such file")
    header = re.compile(rf"^{re.escape(comment)} name: (\w+)\n", re.MULTILINE)
    head, *parts = header.split(path.read_text(encoding="utf-8"))
    stray = [line for line in head.splitlines() if line and not line.startswith(comment)]
    if stray:
        raise LookupError(
            f"{path}: expected a header `{comment} name: ...` before the first statement, "
            f"found {stray[0][:60]!r}"
        )
    names = parts[::2]
    duplicates = sorted({name for name in names if names.count(name) > 1})
    if duplicates:
        raise LookupError(f"{path}: expected each name once, found twice: {', '.join(duplicates)}")
    texts = [text.strip().removesuffix(";") for text in parts[1::2]]
    return dict(zip(names, texts, strict=True))


def named_statement(root: Path, name: str, suffix: str, comment: str) -> str:
    """
    Return one statement, named by its file below *root* and its header: `warehouse/offsets.lock`.

    Raises:
        LookupError: There is no such file or statement, or the file is not valid.
    """
    file, _, statement = name.rpartition(".")
    path = root / f"{file}{suffix}"
    statements = named_statements(path, comment)
    if statement not in statements:
        raise LookupError(
            f"expected a statement {statement!r} in {path}, found {', '.join(statements) or 'none'}"
        )
    return statements[statement]
