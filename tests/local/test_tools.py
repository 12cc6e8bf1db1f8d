"""The tools a set-up needs: what the user reads when one is missing, old, broken or not needed."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.errors import Misconfigured
from local import tools
from local.rust import rust_environment
from local.tools import ToolReport, check_tools, java, require_tools

ROOT = Path(__file__).parents[2]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make an empty folder the whole PATH; rustup's choice is asked anew."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    for name in ("JAVA_HOME", "CC"):
        monkeypatch.delenv(name, raising=False)
    rust_environment.cache_clear()
    yield folder
    rust_environment.cache_clear()


def put(folder: Path, name: str, prints: str, code: int = 0) -> Path:
    program = folder / name
    program.write_text(f"#!/bin/sh\necho '{prints}'\nexit {code}\n")
    program.chmod(0o755)
    return program


def report_of(name: str, reports: list[ToolReport]) -> ToolReport:
    return next(report for report in reports if report.name == name)


def test_every_missing_tool_has_one_line_that_says_how_to_get_it(programs: Path) -> None:
    with pytest.raises(Misconfigured) as error:
        require_tools(check_tools())
    lines = str(error.value).splitlines()
    needed = ["java", "mvn", "go", "cargo", "rustc", "gcc"]
    needed += ["setpriv"] if os.geteuid() == 0 else []
    assert [line.split()[0] for line in lines] == needed
    assert all("is needed" in line and "found none: " in line for line in lines)
    assert lines[0] == (
        "java 17 or newer is needed (runs Kafka), found none: "
        "apt install openjdk-17-jre-headless, or any Java 17 or newer"
    )


@pytest.mark.parametrize(
    ("name", "prints", "found"),
    [
        ("java", 'openjdk version "11.0.2" 2019-01-15', "11.0.2"),
        ("java", 'java version "1.8.0"', "1.8.0"),
        ("mvn", "\x1b[1mApache Maven 3.5.4\x1b[m", "3.5.4"),
        ("go", "go version go1.25.9 linux/amd64", "1.25.9"),
        ("rustc", "rustc 1.82.0 (f6e511eec 2024-10-15)", "1.82.0"),
    ],
)
def test_an_old_tool_is_named_with_its_version(
    programs: Path, name: str, prints: str, found: str
) -> None:
    program = put(programs, name, prints)
    report = report_of(name, check_tools())
    assert report.found == found
    assert f"found {found} ({program}): " in report.problem


@pytest.mark.parametrize(
    ("name", "prints", "found"),
    [
        ("java", 'Picked up JAVA_TOOL_OPTIONS: -Xmx512m\nopenjdk version "21" 2023-09-19', "21"),
        ("mvn", "\x1b[1mApache Maven 3.8.7\x1b[m", "3.8.7"),
        ("go", "go version go1.26.0 linux/amd64", "1.26.0"),
        ("cargo", "cargo 1.85.0 (d73d2caf9 2024-12-31)", "1.85.0"),
    ],
)
def test_a_new_enough_tool_is_ok(programs: Path, name: str, prints: str, found: str) -> None:
    put(programs, name, prints)
    report = report_of(name, check_tools())
    assert (report.found, report.problem) == (found, "")
    assert report.line.endswith(": ok")


def test_a_program_that_cannot_run_is_not_taken_for_found(programs: Path) -> None:
    shim = put(programs, "go", "go: command not found in any version", code=127)
    assert f"{shim} does not run" in report_of("go", check_tools()).problem


def test_what_is_in_the_cache_needs_no_tools_but_java(programs: Path) -> None:
    needed = [r.name for r in check_tools(to_build=()) if r.needed and r.problem]
    assert needed == (["java", "setpriv"] if os.geteuid() == 0 else ["java"])
    reports = check_tools(to_build=("kafka",))
    assert report_of("mvn", reports).needed
    assert not report_of("go", reports).needed
    assert "not needed" in report_of("go", reports).line


def test_java_home_comes_before_path(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_path = put(programs, "java", 'openjdk version "17.0.1"')
    assert java() == str(on_path)
    (tmp_path / "jdk" / "bin").mkdir(parents=True)
    at_home = put(tmp_path / "jdk" / "bin", "java", 'openjdk version "21.0.1"')
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))
    assert java() == str(at_home)
    assert report_of("java", check_tools()).found == "21.0.1"


def test_an_installed_toolchain_replaces_an_active_one_that_is_too_old(programs: Path) -> None:
    (programs / "rustup").write_text("#!/bin/sh\necho 'old (active, default)'\necho new\n")
    (programs / "rustc").write_text(
        '#!/bin/sh\n[ "$RUSTUP_TOOLCHAIN" = new ] && echo rustc 1.90.0 || echo rustc 1.70.0\n'
    )
    for name in ("rustup", "rustc"):
        (programs / name).chmod(0o755)
    assert rust_environment()["RUSTUP_TOOLCHAIN"] == "new"
    assert report_of("rustc", check_tools()).found == "1.90.0"


def test_another_python_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 14, 0, "final", 0))
    problem = report_of("python", check_tools()).problem
    assert problem.startswith("Python 3.12 or 3.13 is needed, this is 3.14.0")
    assert "\n" not in problem


def test_a_python_without_ensurepip_is_told_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "MODULES", ("_ssl", "no_such_module"))
    major, minor = sys.version_info[:2]
    problem = report_of("python", check_tools()).problem
    assert "lacks no_such_module: " in problem
    assert f"apt install python{major}.{minor}-venv" in problem
    assert report_of("python", check_tools(to_build=("kafka",))).problem == ""


def launch(**environment: str) -> subprocess.CompletedProcess[str]:
    script = str(ROOT / "local" / "python")
    code = "import sys; print(sys.version_info[:2] in ((3, 12), (3, 13)))"
    return subprocess.run(
        ["/bin/sh", script, "-c", code], env=environment, capture_output=True, text=True
    )


def test_the_launcher_finds_a_python() -> None:
    done = launch(PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert (done.returncode, done.stdout) == (0, "True\n")


def test_the_launcher_obeys_the_variable_or_says_why_not(tmp_path: Path) -> None:
    assert launch(PATH="/nonexistent", PYTHON=sys.executable).stdout == "True\n"
    old = put(tmp_path, "python3.9", "Python 3.9.2", code=1)
    old.write_text('#!/bin/sh\n[ "$1" = -V ] && echo Python 3.9.2 && exit 0\nexit 1\n')
    done = launch(PATH=os.environ["PATH"], PYTHON=str(old))
    assert done.returncode == 2
    assert done.stderr == (
        f"Python 3.12 or 3.13 is needed; PYTHON={old} is Python 3.9.2: "
        "unset it or point it at one\n"
    )


@pytest.mark.parametrize(
    ("system", "machine", "release", "problem"),
    [
        (
            "darwin",
            "arm64",
            "24.1.0",
            "Linux on x86_64 or aarch64 is needed, found darwin on arm64",
        ),
        (
            "linux",
            "riscv64",
            "6.1.0",
            "Linux on x86_64 or aarch64 is needed, found linux on riscv64",
        ),
        ("linux", "x86_64", "4.4.0-19041-Microsoft", "a Linux kernel is needed, found WSL 1"),
        ("linux", "x86_64", "5.15.167.4-microsoft-standard-WSL2", ""),
        ("linux", "aarch64", "6.1.0", ""),
    ],
)
def test_a_platform_that_does_not_do_is_named_with_the_way_that_does(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str, release: str, problem: str
) -> None:
    uname = os.uname_result((system, "host", release, "1", machine))
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(os, "uname", lambda: uname)

    found = report_of("platform", check_tools()).problem

    assert found.startswith(problem)
    assert bool(found) == bool(problem)
    assert "\n" not in found
    assert not problem or "docker compose up" in found
