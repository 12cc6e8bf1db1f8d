"""The generated files of `grafana/`: written, and compared with what is committed."""

import json
from pathlib import Path

from include.dashboards.alerts import alerts, rules
from include.dashboards.datasources import datasources, folders
from include.dashboards.history import history
from include.dashboards.market import market
from include.dashboards.pipeline import pipeline
from include.dashboards.quality import quality
from include.dashboards.queries import Json
from include.errors import Misconfigured

GRAFANA = Path(__file__).parents[2] / "grafana"


def generated() -> dict[Path, str]:
    """Return the text of every generated file, by its path."""
    boards = {f"dashboards/{board['uid']}.json": board for board in dashboards()}
    # Grafana reads YAML; JSON is YAML, and needs no other library to be written right.
    provisioning = {
        "provisioning/datasources/stores.yaml": datasources(),
        "provisioning/dashboards/folders.yaml": folders(),
        "provisioning/alerting/alerts.yaml": alerts(),
    }
    return {GRAFANA / name: _text(content) for name, content in (boards | provisioning).items()}


def dashboards() -> list[Json]:
    """Return all dashboards."""
    return [market(), pipeline(), quality(), history()]


def provisioned() -> list[str]:
    """Return where Grafana's API has each data source, dashboard and alert rule it is given."""
    sources = [f"/api/datasources/uid/{each['uid']}" for each in datasources()["datasources"]]
    boards = [f"/api/dashboards/uid/{board['uid']}" for board in dashboards()]
    return sources + boards + [f"/api/v1/provisioning/alert-rules/{rule.uid}" for rule in rules()]


def write() -> None:
    """Write the files; remove dashboards that are no more."""
    texts = generated()
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for path in set(GRAFANA.glob("dashboards/*.json")) - set(texts):
        path.unlink()


def differing() -> None:
    """
    Compare the files with what the code makes.

    Raises:
        Misconfigured: Some differ; the message names them.
    """
    wrong = [p.name for p, text in generated().items() if not p.exists() or p.read_text() != text]
    if wrong:
        raise Misconfigured(
            f"{', '.join(sorted(wrong))}: not what the code makes: `make dashboards`"
        )


def _text(content: Json) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
