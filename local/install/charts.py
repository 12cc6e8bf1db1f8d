"""The market page's chart library, fetched by npm as its lock file says."""

import shutil
from pathlib import Path

from local.install.component import Component
from local.install.step import Step
from local.layout import REPOSITORY

FILES = ("package.json", "package-lock.json")
LINTER = Path("node_modules/@influxdata/flux-lsp-node")  # of Flux; only tests use it
LIBRARY = Path("node_modules/lightweight-charts/dist/lightweight-charts.standalone.production.js")


def _build(product: Path, work: Path, step: Step) -> None:
    product.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        shutil.copy(REPOSITORY / "include" / "live" / name, product)
    npm = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    step.run(npm, "fetching the chart library", cwd=product)


def _is_intact(path: Path) -> bool:
    return (path / LIBRARY).is_file() and (path / LINTER).is_dir()


def component() -> Component:
    """Return the library; another lock file is another one."""
    definition = tuple((REPOSITORY / "include" / "live" / name).read_bytes() for name in FILES)
    return Component(
        name="charts",
        title="chart library of the market page",
        version="5.2.1",
        definition=definition,
        disk_mb=20,
        build=_build,
        is_intact=_is_intact,
    )
