"""Airflow with an empty SQLite metadata database in a temporary folder, set before its import."""

import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from include.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
_home = tempfile.TemporaryDirectory(prefix="airflow-test-")  # until the process ends
os.environ |= {
    "AIRFLOW_HOME": _home.name,
    "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{_home.name}/airflow.db",
}

if TYPE_CHECKING:
    from airflow.sdk import DAG


@pytest.fixture(scope="session")
def dags() -> "dict[str, DAG]":
    """All DAGs, parsed as Airflow parses them."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(ROOT / "dags")

    assert bag.import_errors == {}
    return bag.dags


@pytest.fixture(scope="session")
def metadata_database() -> Iterator[None]:
    """The tables of Airflow."""
    from airflow.utils.db import initdb

    level = logging.getLogger("alembic").level
    logging.getLogger("alembic").setLevel(logging.ERROR)
    initdb()
    yield
    logging.getLogger("alembic").setLevel(level)


@pytest.fixture
def airflow_environment(
    settings: Settings, pipeline_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment of a deployment: the settings, and the connection `market`."""
    for name, value in pipeline_environment.items():
        if name.startswith(PREFIX):
            monkeypatch.setenv(name, value)
    monkeypatch.setenv(
        "AIRFLOW_CONN_MARKET",
        f"postgresql://{settings.postgres_user}@{settings.postgres_host}:{settings.postgres_port}"
        f"/{settings.postgres_database}?passfile={quote(str(settings.postgres_passfile), safe='')}",
    )
