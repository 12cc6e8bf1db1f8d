"""InfluxDB: influxd, built from source, the one form of it in a package registry."""

import os
import re
import shutil
from pathlib import Path

from local.install.component import Component
from local.install.go import go_environment
from local.install.step import Step
from local.rust import rust_environment

HERE = Path(__file__).parent / "influxd"
VERSION = "2.9.1"
SOURCES = ("go.mod", "go.sum", "pkg-config")
FLUX = "github.com/influxdata/flux"
INFLUXD = "github.com/influxdata/influxdb/v2/cmd/influxd"
OPTIONS = (
    "-trimpath", "-tags", "sqlite_foreign_keys,sqlite_json",
    "-ldflags", f"-s -w -X main.version={VERSION}",
)  # fmt: skip


def _build(product: Path, work: Path, step: Step) -> None:
    for name in SOURCES:
        shutil.copy(HERE / name, work / name)
    env = _environment(work)
    step.run(["go", "mod", "download", FLUX], "fetching Flux", cwd=work, env=env)
    libflux = Path(env["GOMODCACHE"]) / _flux_version() / "libflux"
    # Run from outside the sources: rustup would obey the old toolchain that they name.
    compile_flux: list[str | Path] = [
        "cargo", "build", "--release", "--locked", "--package", "flux",
        "--manifest-path", libflux / "Cargo.toml", "--target-dir", work / "libflux",
    ]  # fmt: skip
    step.run(compile_flux, "compiling Flux (Rust)", cwd=work, env=env | rust_environment())
    env |= {
        "PKG_CONFIG": str(work / "pkg-config"),
        "LIBFLUX_INCLUDE": str(libflux / "include"),
        "LIBFLUX_LIB": str(work / "libflux" / "release"),
    }
    compile_influxd: list[str | Path] = [
        "go", "build", "-v", *OPTIONS, "-o", product / "influxd", INFLUXD,
    ]  # fmt: skip
    step.run(compile_influxd, "compiling influxd (Go)", cwd=work, env=env)
    step.run([product / "influxd", "version"], "trying influxd", cwd=work)


def _environment(work: Path) -> dict[str, str]:
    ours = {
        "CARGO_TERM_COLOR": "never",
        # Flux denies warnings, of which newer compilers have more than it knew.
        "CARGO_ENCODED_RUSTFLAGS": "--cap-lints\x1fwarn",
    }
    go = go_environment(work, cgo=True)
    return {k: v for k, v in go.items() if k != "CARGO_BUILD_TARGET"} | ours


def _flux_version() -> str:
    match = re.search(rf"{FLUX} (v\S+)", (HERE / "go.mod").read_text())
    assert match
    return f"{FLUX}@{match[1]}"


def _is_intact(path: Path) -> bool:
    return os.access(path / "influxd", os.X_OK)


def component() -> Component:
    """Return InfluxDB: a folder with the program influxd."""
    return Component(
        name="influxd",
        title=f"InfluxDB {VERSION}",
        version=VERSION,
        definition=(
            *((HERE / name).read_bytes() for name in SOURCES),
            *(option.encode() for option in OPTIONS),
        ),
        disk_mb=4600,
        build=_build,
        is_intact=_is_intact,
    )
