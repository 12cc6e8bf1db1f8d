"""A token of InfluxDB, kept in a file that a setting names."""

from pathlib import Path

from include.errors import Misconfigured
from include.settings import PREFIX


def read_token(setting: str, file: Path) -> str:
    """
    Return the token in *file*, which *setting* names.

    Raises:
        Misconfigured: The file cannot be read, or is empty.
    """
    variable = f"{PREFIX}{setting.upper()}"
    try:
        token = file.read_text(encoding="utf-8").strip()
    except OSError as e:
        raise Misconfigured(f"{variable}: cannot read {file}: {e.strerror}") from None
    if not token:
        raise Misconfigured(f"{variable}: {file} is empty")
    return token
