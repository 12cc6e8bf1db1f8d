"""The README says what is: its commands, tables, settings and folders exist."""

import re
from pathlib import Path

from include.settings import PREFIX, Settings
from local import documents
from local.installed import SERVERS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_the_tables_are_what_the_code_says():
    documents.differing()


def test_every_path_it_names_exists():
    layout = README.split("## Layout\n\n```\n")[1].split("```")[0]
    paths = re.findall(r"^(\S+/)", layout, re.M)

    assert len(paths) > 8
    assert [p for p in paths if not (ROOT / p).is_dir()] == []


def test_env_example_names_only_what_there_is():
    """
    A variable in .env.example is a setting or a port, with the default it shows.
    """
    named = dict(re.findall(r"^#?\s?([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.M))
    settings = {
        f"{PREFIX}{name.upper()}": documents.shown(field.default)
        for name, field in Settings.model_fields.items()
    }
    variables = {server.variable for server in SERVERS}

    assert named
    for name, value in named.items():
        if name.startswith(PREFIX):
            assert settings[name] == value or name == f"{PREFIX}EXCHANGE_URL"
        else:
            assert name.endswith("_PORT") or name in variables
    assert variables <= set(named)
