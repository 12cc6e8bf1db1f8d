"""PostgreSQL: its configuration, its first set-up, and how to run it when we are root."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

from include.errors import Misconfigured, PipelineError
from local.credentials import read_secret
from local.installed import postgres_version
from local.layout import Layout
from local.ports import LOOPBACK, Ports

SUPERUSER = "postgres"
SERVER_USER = "nobody"
# Linux capabilities by number: either lets a user who is not root through closed folders. The
# first only reads; containers often withhold it.
PASS_FOLDERS = {"dac_read_search": 2, "dac_override": 1}

HBA = f"""\
# Over the loopback address only, with a password only.
host all all {LOOPBACK}/32 scram-sha-256
"""


def postgres_conf(layout: Layout, ports: Ports) -> str:
    """Return postgresql.conf."""
    options: dict[str, str | int] = {
        "listen_addresses": LOOPBACK,
        "port": ports.postgres,
        "unix_socket_directories": "",
        "hba_file": str(layout.postgres_data / "pg_hba.conf"),
        "password_encryption": "scram-sha-256",
        "max_connections": 100,
        "shared_buffers": "128MB",
        # Needs neither /dev/shm nor a working shm_open.
        "dynamic_shared_memory_type": "mmap",
        "max_wal_size": "512MB",
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "datestyle": "iso, ymd",
        "lc_messages": "C",
        "log_checkpoints": "off",
        "log_line_prefix": "%m [%p] %q%u@%d ",
        # A statement may carry data: its failure is logged, its text is not.
        "log_min_error_statement": "panic",
    }
    return "".join(f"{name} = {_quoted(value)}\n" for name, value in options.items())


def as_server_user() -> list[str]:
    """
    Return what to put before a command of PostgreSQL, which refuses to be root.

    Root becomes `nobody`, with the one capability to pass folders that only root may enter: a
    checkout or cache below a closed /root works. (The bit no_setuid_fixup lets `access(2)`, which
    PostgreSQL asks about its programs, see that capability.) Anybody else runs it as is.

    Raises:
        Misconfigured: This root cannot become somebody else.
    """
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    held = _effective_capabilities()
    names = [name for name, bit in PASS_FOLDERS.items() if held >> bit & 1]
    if setpriv is None or not names:
        lacking = "setpriv (package util-linux)" if setpriv is None else "CAP_DAC_OVERRIDE"
        raise Misconfigured(f"PostgreSQL cannot run as root and {lacking} is missing: be a user")
    user = pwd.getpwnam(SERVER_USER)
    identity = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    capability = [f"--inh-caps=+{names[0]}", f"--ambient-caps=+{names[0]}"]
    return [setpriv, *identity, *capability, "--securebits=+no_setuid_fixup"]


def postgres_command(postgres: Path, layout: Layout) -> list[str]:
    """Return the command that runs the server."""
    return [*as_server_user(), str(postgres / "bin" / "postgres"), "-D", str(layout.postgres_data)]


def prepare_postgres(postgres: Path, layout: Layout, ports: Ports) -> None:
    """
    Make the database cluster if it is new, and write its configuration.

    Raises:
        PipelineError: initdb failed; the message says why.
        Misconfigured: This root cannot become another user, or the data is of another major
            version of PostgreSQL.
    """
    data = layout.postgres_data
    if (data / "PG_VERSION").exists():
        _require_version(postgres, data)
    else:
        _initdb(postgres, layout)
    (data / "postgresql.conf").write_text(postgres_conf(layout, ports), encoding="utf-8")
    (data / "pg_hba.conf").write_text(HBA, encoding="utf-8")


def _require_version(postgres: Path, data: Path) -> None:
    made_by = (data / "PG_VERSION").read_text(encoding="ascii").strip()
    found = postgres_version(postgres)
    if found.split(".")[0] != made_by:
        raise Misconfigured(
            f"{data} was made by PostgreSQL {made_by}, found {found} ({postgres}): name a "
            f"PostgreSQL {made_by} by POSTGRES_FOLDER in .env, or delete the data (`make clean`)"
        )


def _initdb(postgres: Path, layout: Layout) -> None:
    data = layout.postgres_data
    shutil.rmtree(data)  # what an interrupted initdb left
    data.mkdir(mode=0o700)
    with tempfile.NamedTemporaryFile("w", dir=layout.run) as password:
        password.write(read_secret(layout, "postgres_password"))
        password.flush()
        if os.geteuid() == 0:
            user = pwd.getpwnam(SERVER_USER)
            os.chown(data, user.pw_uid, user.pw_gid)
            os.chown(password.name, user.pw_uid, user.pw_gid)
        command = [*as_server_user(), str(postgres / "bin" / "initdb"), "-D", str(data)]
        command += ["-U", SUPERUSER, "-A", "scram-sha-256", f"--pwfile={password.name}"]
        command += ["-E", "UTF8", "--locale=C", "--no-instructions", "--no-sync"]
        command += ["-c", "dynamic_shared_memory_type=mmap"]
        environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(data)}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd="/")
    layout.log("initdb").write_text(done.stdout + done.stderr, encoding="utf-8")
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or ["no output"]
        raise PipelineError(f"initdb failed: {last[0]} ({layout.log('initdb')})")


def _effective_capabilities() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(
        next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff")), 16
    )


def _quoted(value: str | int) -> str:
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"
