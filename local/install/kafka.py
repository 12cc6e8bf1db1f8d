"""Apache Kafka: its jars."""

from pathlib import Path

from local.install.component import Component
from local.install.maven import compare, fetch_jars, read_hashes
from local.install.step import Step

HERE = Path(__file__).parent
POM = HERE / "kafka.xml"
HASHES = HERE / "kafka.sha256"


def _build(product: Path, work: Path, step: Step) -> None:
    fetch_jars(POM, read_hashes(HASHES), product, work, step)


def _is_intact(path: Path) -> bool:
    return not compare(path, read_hashes(HASHES))


def component() -> Component:
    """Return Kafka: a folder of jars, to be used as the class path `<folder>/*`."""
    return Component(
        name="kafka",
        title="Apache Kafka 4.4.0",
        version="4.4.0",
        definition=(POM.read_bytes(), HASHES.read_bytes()),
        disk_mb=150,
        build=_build,
        is_intact=_is_intact,
    )
