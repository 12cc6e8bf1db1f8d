"""The README says what is: its commands, KPIs, settings and folders exist."""

import re
from pathlib import Path

from include.kpis.registry import REGISTRY
from include.settings import PREFIX, Settings
from include.streaming.health.definitions import METRICS
from include.streaming.health.definitions import PREFIX as PREFIX_OF_METRICS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()


def rows(heading):
    """Return the cells of the table below a heading, its header left out."""
    section = README.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_kpi_table_is_the_registry():
    assert rows("KPIs") == [[k.name, k.formula, k.unit, k.window, k.since_seed] for k in REGISTRY]


def test_the_health_table_is_the_definitions():
    assert rows("Health") == [
        [
            PREFIX_OF_METRICS + m.name,
            m.kind,
            m.unit,
            " ".join(m.services),
            " ".join(m.labels),
            m.help,
        ]
        for m in METRICS
    ]


def test_the_settings_table_is_the_settings():
    documented = {name: (default, what) for name, default, what in rows("Configuration")}

    assert documented == {
        f"{PREFIX}{name.upper()}": (shown(field.default), field.description)
        for name, field in Settings.model_fields.items()
    }


def shown(default):
    if isinstance(default, tuple):
        return ",".join(map(str, default))
    return f"{default:g}" if isinstance(default, float) else str(default)


def test_every_make_target_it_names_exists():
    named = set(re.findall(r"make (?:-s )?([a-z-]+)", README))
    targets = set(re.findall(r"^([a-z-]+):.*##", MAKEFILE, re.M))

    assert named <= targets
    assert targets - named <= {"help", "setup"}


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
        f"{PREFIX}{name.upper()}": shown(field.default)
        for name, field in Settings.model_fields.items()
    }

    assert named
    for name, value in named.items():
        if name.startswith(PREFIX):
            assert settings[name] == value or name == f"{PREFIX}EXCHANGE_URL"
        else:
            assert name.endswith("_PORT")
