"""PostgreSQL: its programs, unpacked from the jar they are published in."""

import os
import platform
import tarfile
import zipfile
from pathlib import Path

from local.install.component import Component
from local.install.maven import fetch_jars, read_hashes
from local.install.step import Step

HERE = Path(__file__).parent
POM = HERE / "postgres.xml"
HASHES = HERE / "postgres.sha256"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64v8"}
PROGRAMS = ("initdb", "pg_ctl", "postgres")


def _build(product: Path, work: Path, step: Step) -> None:
    architecture = ARCHITECTURES[platform.machine()]
    hashes = {n: h for n, h in read_hashes(HASHES).items() if f"linux-{architecture}-" in n}
    jars = work / "jars"
    fetch_jars(POM, hashes, jars, work, step, f"-Darch={architecture}")
    unpack(next(jars.glob("*.jar")), product)


def unpack(jar: Path, into: Path) -> None:
    """
    Unpack the .txz inside the jar.

    Whatever the umask is, every user can read the files: root runs PostgreSQL as somebody else.
    """
    into.mkdir()
    with zipfile.ZipFile(jar) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".txz"))
        with archive.open(name) as file, tarfile.open(fileobj=file, mode="r:xz") as programs:
            programs.extractall(into, filter="data")
    for path in (into, *into.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (0o055 if mode & 0o100 else 0o044))


def _is_intact(path: Path) -> bool:
    return all(os.access(path / "bin" / program, os.X_OK) for program in PROGRAMS)


def component() -> Component:
    """Return PostgreSQL: a folder with bin, lib and share."""
    return Component(
        name="postgres",
        title="PostgreSQL 17.6",
        version="17.6",
        definition=(POM.read_bytes(), HASHES.read_bytes()),
        disk_mb=200,
        build=_build,
        is_intact=_is_intact,
    )
