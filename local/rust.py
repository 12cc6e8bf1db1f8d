"""Which Rust compiles libflux: a distribution's, or one of rustup's installed toolchains."""

import re
import shutil
from functools import cache

from local.program_output import read_output

MINIMUM = (1, 83)  # rust-version in the Cargo.toml of flux 0.200.0


@cache
def rust_environment() -> dict[str, str]:
    """
    Return the variables that make `cargo` and `rustc` new enough, {} if they are as they stand.

    The user's active toolchain comes first, then rustup's others. Nothing is downloaded.
    """
    offline = {"RUSTUP_AUTO_INSTALL": "0"}
    if shutil.which("rustup") is None or _rustc_version(offline) >= MINIMUM:
        return offline
    for name in _installed_toolchains():
        chosen = offline | {"RUSTUP_TOOLCHAIN": name}
        if _rustc_version(chosen) >= MINIMUM:
            return chosen
    return offline


def _installed_toolchains() -> list[str]:
    listing = read_output(["rustup", "toolchain", "list"], {})
    return [line.split()[0] for line in listing.splitlines() if line and "no installed" not in line]


def _rustc_version(env: dict[str, str]) -> tuple[int, ...]:
    found = re.match(r"rustc (\d+)\.(\d+)", read_output(["rustc", "--version"], env))
    return (int(found[1]), int(found[2])) if found else ()
