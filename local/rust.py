"""Which Rust compiles libflux: a distribution's, or one of rustup's installed toolchains."""

import os
import re
import shutil
import subprocess
from functools import cache

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
    listing = _output(["rustup", "toolchain", "list"], {})
    return [line.split()[0] for line in listing.splitlines() if line and "no installed" not in line]


def _rustc_version(env: dict[str, str]) -> tuple[int, ...]:
    found = re.match(r"rustc (\d+)\.(\d+)", _output(["rustc", "--version"], env))
    return (int(found[1]), int(found[2])) if found else ()


def _output(command: list[str], env: dict[str, str]) -> str:
    """Return what the command prints, "" if it cannot run; `/` has no toolchain file of its own."""
    try:
        done = subprocess.run(
            command, env=os.environ | env, cwd="/", capture_output=True, text=True, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
