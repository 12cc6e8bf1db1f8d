"""Jars fetched by Maven and compared with the hashes committed here."""

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path

from include.errors import Misconfigured
from local.install.step import Step

COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"


def read_hashes(file: Path) -> dict[str, str]:
    """Return `{file name: sha256}` of a file in the format of `sha256sum`."""
    pairs = (line.split() for line in file.read_text().splitlines())
    return {name: digest for digest, name in pairs}


def fetch_jars(
    pom: Path, hashes: Mapping[str, str], into: Path, work: Path, step: Step, *options: str
) -> None:
    """
    Copy the dependencies of `pom` into the folder `into`, exactly the files named in `hashes`.

    Maven keeps its downloads in `work`: what others put into ~/.m2 is not trusted.

    Raises:
        Misconfigured: A jar is not the one pinned; nothing fetched is kept.
        PipelineError: Maven failed.
    """
    repository = work / "m2"
    command: list[str | Path] = [
        "mvn", "-B", "-ntp", "-C", "-f", pom, f"-Dmaven.repo.local={repository}", COPY,
        f"-DoutputDirectory={into}", *options,
    ]  # fmt: skip
    step.run(command, "fetching jars", cwd=work)
    problem = compare(into, hashes)
    if problem:
        shutil.rmtree(repository)
        raise Misconfigured(
            f"{step.name}: {problem}: nothing was installed; run this again, and if it persists "
            f"look at the mirror that Maven uses; log: {step.log}"
        )


def compare(folder: Path, hashes: Mapping[str, str]) -> str:
    """Return what differs between the folder's jars and their hashes, "" if nothing does."""
    found = {jar.name: jar for jar in folder.glob("*.jar")}
    for name in sorted(found.keys() | hashes.keys()):
        if name not in found:
            return f"{name} is missing"
        if name not in hashes:
            return f"{name} is not expected"
        digest = hashlib.sha256(found[name].read_bytes()).hexdigest()
        if digest != hashes[name]:
            return f"{name} has sha256 {digest[:12]}..., expected {hashes[name][:12]}..."
    return ""
