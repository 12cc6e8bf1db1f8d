"""The secrets of a line: generated once, one file each, never printed."""

import base64
import json
import os
import secrets
from pathlib import Path

from include.security import check_private, check_strong
from local.hosts import HERE, Hosts
from local.layout import Layout
from local.ports import Ports

ROLES = ("postgres", "market_owner", "market_writer", "market_reader", "airflow")
PASSWORDS = (
    *(f"{role}_password" for role in ROLES),
    "influx_admin_password",
    "grafana_admin_password",
    "airflow_api_secret_key",
    "redis_password",
)
AIRFLOW_ADMIN = "admin"


def create_secrets(layout: Layout, ports: Ports, hosts: Hosts = HERE) -> None:
    """
    Generate what is missing; keep what is there.

    The files libpq reads are written anew, since they hold host and port.

    Raises:
        Misconfigured: One that is there is open to others, a placeholder, or can be guessed.
    """
    for name in PASSWORDS:
        _create(layout.secret(name), secrets.token_urlsafe(32))
    # HS512 wants a key of at least 64 bytes; Fernet one of 32, base64.
    _create(layout.secret("airflow_jwt_secret"), secrets.token_urlsafe(64))
    fernet_key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    _create(layout.secret("airflow_fernet_key"), fernet_key)
    passwords = json.dumps({AIRFLOW_ADMIN: secrets.token_urlsafe(16)})
    _create(layout.secret("airflow_passwords.json"), passwords)
    for name in (*PASSWORDS, "airflow_jwt_secret", "airflow_fernet_key"):
        check_private(name, layout.secret(name))
        check_strong(str(layout.secret(name)), read_secret(layout, name))
    for role in ROLES:
        password = read_secret(layout, f"{role}_password")
        server = f"{hosts.postgres}:{ports.postgres}"
        write_private(layout.pgpass(role), f"{server}:*:{role}:{password}\n")


def read_secret(layout: Layout, name: str) -> str:
    """Return one secret."""
    return layout.secret(name).read_text(encoding="ascii").strip()


def basic_authorization(user: str, password: str) -> str:
    """Return the value of the header Authorization for a user's password."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def write_private(path: Path, text: str) -> None:
    """Write a file whole or not at all, mode 0600 from its first moment."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    part.replace(path)


def _create(path: Path, text: str) -> None:
    if not path.exists():
        write_private(path, text)
