"""The files of a line in containers: made by one user, copies of a few secrets for other users."""

import os
from collections.abc import Mapping
from pathlib import Path

from local.airflow_config import prepare_airflow
from local.credentials import create_secrets, read_secret, write_private
from local.grafana_config import prepare_grafana
from local.hosts import Hosts
from local.layout import Layout
from local.ports import Ports

# Which server, running as another user than the pipeline, needs which secret.
NEEDED_BY: Mapping[str, tuple[str, ...]] = {
    "postgres": ("postgres_password",),
    "redis": ("redis.conf",),
    "grafana": ("grafana_admin_password", "market_reader_password", "influx_reader_token"),
}


def copies(layout: Layout, server: str) -> Path:
    """Return the folder with a server's copies of the secrets it needs."""
    return layout.root / "copies" / server


def prepare_files(layout: Layout, ports: Ports, hosts: Hosts, groups: Mapping[str, int]) -> None:
    """
    Make folders, secrets and configurations; keep what was generated before.

    `groups` are the ids of the groups of servers in NEEDED_BY, by their names.

    Raises:
        Misconfigured: The folder cannot be written, or a secret in it is none.
    """
    layout.create()
    create_secrets(layout, ports, hosts)
    redis = f'requirepass {read_secret(layout, "redis_password")}\nsave ""\n'
    write_private(layout.secret("redis.conf"), redis)
    prepare_airflow(layout, ports, hosts)
    prepare_grafana(layout, ports, hosts, copies(layout, "grafana"))
    _open_grafana(layout.root / "grafana")
    (layout.root / "copies").mkdir(exist_ok=True)
    for folder in (layout.root, layout.root / "copies"):
        folder.chmod(0o711)  # others pass, and see nothing
    copy_secrets(layout, groups)


def copy_secrets(layout: Layout, groups: Mapping[str, int]) -> None:
    """Copy what each server needs and is there to a folder that only its group enters."""
    for server, group in groups.items():
        folder = copies(layout, server)
        folder.mkdir(mode=0o700, exist_ok=True)
        os.chown(folder, -1, group)
        folder.chmod(0o750)
        for name in NEEDED_BY[server]:
            if layout.secret(name).exists():
                write_private(folder / name, read_secret(layout, name) + "\n")
                os.chown(folder / name, -1, group)
                (folder / name).chmod(0o640)


def _open_grafana(folder: Path) -> None:
    """Let everybody read Grafana's configuration: it names files with secrets, and holds none."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
