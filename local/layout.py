"""Where a line keeps what: the folders and files below its root."""

import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from include.errors import Misconfigured

REPOSITORY = Path(__file__).resolve().parent.parent
SPACE_MB = 300  # a line of two symbols: 80 MB after half an hour
SOCKET_PATH_MAX = 107  # bytes; Linux, sockaddr_un.sun_path less its final zero
UNUSABLE = ("\n", " ;", " #", '"', ":")  # end or split a value in the configuration files we write


@dataclass(frozen=True)
class Layout:
    """The paths of one line."""

    root: Path

    @property
    def kafka_data(self) -> Path:
        return self.root / "data" / "kafka"

    @property
    def postgres_data(self) -> Path:
        return self.root / "data" / "postgres"

    @property
    def influxdb_data(self) -> Path:
        return self.root / "data" / "influxdb"

    @property
    def airflow_home(self) -> Path:
        return self.root / "airflow"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def record(self) -> Path:
        """What the running line was started with: ports, market, settings."""
        return self.run / "line.json"

    @property
    def socket_record(self) -> Path:
        return self.run / "socket.txt"

    def log(self, service: str) -> Path:
        return self.logs / f"{service}.log"

    def secret(self, name: str) -> Path:
        return self.secrets / name

    def pgpass(self, role: str) -> Path:
        return self.secret(f"{role}.pgpass")

    def create(self) -> None:
        """
        Make the folders, closed to other users.

        Raises:
            Misconfigured: The root cannot be written, cannot be closed to other users, or cannot
                stand in a configuration file.
        """
        if any(sign in str(self.root) for sign in UNUSABLE):
            raise Misconfigured(
                f"the folder {self.root} cannot hold a line: choose a path without colons, "
                "quotes, line breaks, and semicolons or hashes after a blank"
            )
        data = (self.kafka_data, self.postgres_data, self.influxdb_data)
        try:
            self.root.parent.mkdir(parents=True, exist_ok=True)
            for folder in (self.root, self.root / "data", self.airflow_home, self.logs,
                           self.secrets, self.run, self.run / "tmp", *data):  # fmt: skip
                folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as e:
            raise Misconfigured(
                f"the folder {self.root} cannot be written ({e.strerror}): make it yours"
            ) from e
        mode = self.secrets.stat().st_mode & 0o777
        if mode & 0o077:
            raise Misconfigured(
                f"expected {self.secrets} with mode 0700, found {mode:04o}: move the checkout to a "
                "file system with Unix permissions (in WSL, below your Linux home), or chmod it"
            )

    def remove_socket(self) -> None:
        """Remove the socket a killed supervisor left behind."""
        if self.socket_record.exists():
            Path(self.socket_record.read_text(encoding="utf-8")).unlink(missing_ok=True)
            self.socket_record.unlink()

    def require_space(self) -> int:
        """
        Return the MB its disk has left, if a line has room to start and run for a while.

        Raises:
            Misconfigured: It has not.
        """
        free_mb = shutil.disk_usage(self.root).free // 2**20
        if free_mb < SPACE_MB:
            raise Misconfigured(
                f"the disk of {self.root} has {free_mb} MB left, a line takes {SPACE_MB} MB "
                "to begin with: free some"
            )
        return free_mb

    def control_socket(self) -> Path:
        """
        Return where the supervisor listens: short, and only this user's.

        Raises:
            Misconfigured: No folder for it is both short enough and this user's alone.
        """
        base = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
        folder = base / f"crypto-kpi-{os.geteuid()}"
        path = folder / f"{hashlib.sha256(os.fsencode(self.root)).hexdigest()[:12]}.sock"
        # The supervisor first binds a sibling of a longer name: path, dot, its process id.
        if len(os.fsencode(path)) + len(".4194304") > SOCKET_PATH_MAX:
            raise Misconfigured(f"TMPDIR is too long for a socket ({folder}): use a shorter one")
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as e:
            raise Misconfigured(f"{folder} cannot be made ({e.strerror}): set TMPDIR") from e
        found = folder.stat(follow_symlinks=False)
        if found.st_uid != os.geteuid() or found.st_mode & 0o077:
            raise Misconfigured(f"{folder} must be yours alone (mode 0700): set TMPDIR to yours")
        return path
