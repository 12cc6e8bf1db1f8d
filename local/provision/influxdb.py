"""InfluxDB: organization, bucket, and tokens: one only writes, one only reads, one keeps house."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterable
from http.cookiejar import CookieJar
from typing import Any

from include.errors import PipelineError, Unavailable
from local.credentials import basic_authorization, read_secret, write_private
from local.environment import BUCKET, ORGANIZATION
from local.hosts import HERE, Hosts
from local.layout import Layout
from local.ports import Ports

ADMIN = "admin"
TIMEOUT_S = 15
TOKENS = {
    "influx_writer_token": ("write",),
    "influx_reader_token": ("read",),
    "influx_keeper_token": ("read", "write"),  # to change how long a bucket keeps takes both
}


class InfluxAdmin:
    """
    A session of InfluxDB's administrator.

    Raises:
        Unavailable: InfluxDB is away.
        PipelineError: It refused a request.
    """

    def __init__(self, layout: Layout, ports: Ports, hosts: Hosts = HERE) -> None:
        self._layout = layout
        self._url = f"http://{hosts.influxdb}:{ports.influxdb}"
        self._session = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(CookieJar())
        )

    def set_up(self) -> None:
        """Make organization, bucket and administrator, once; leave no all-powerful token behind."""
        if not self._call("GET", "setup")["allowed"]:
            self.sign_in()
            return
        password = read_secret(self._layout, "influx_admin_password")
        names = {"username": ADMIN, "password": password, "org": ORGANIZATION, "bucket": BUCKET}
        operator = self._call("POST", "setup", names)["auth"]["id"]
        self.sign_in()
        self._call("DELETE", f"authorizations/{operator}")

    def sign_in(self) -> None:
        password = read_secret(self._layout, "influx_admin_password")
        headers = {"Authorization": basic_authorization(ADMIN, password)}
        self._call("POST", "signin", headers=headers)

    def create_bucket(self, name: str) -> str:
        """Make a bucket that keeps everything; return its id."""
        bucket = {"orgID": self._organization(), "name": name, "retentionRules": []}
        return str(self._call("POST", "buckets", bucket)["id"])

    def bucket_id(self, name: str) -> str:
        found = self._call("GET", f"buckets?name={name}&org={ORGANIZATION}")["buckets"]
        return str(found[0]["id"])

    def delete_bucket(self, bucket_id: str) -> None:
        self._call("DELETE", f"buckets/{bucket_id}")

    def create_token(self, bucket_id: str, actions: Iterable[str], description: str) -> str:
        """Make a token that may do `actions` ("read", "write") to one bucket, nothing else."""
        organization = self._organization()
        bucket = {"type": "buckets", "id": bucket_id, "orgID": organization}
        permissions = [{"action": action, "resource": bucket} for action in actions]
        body = {"orgID": organization, "description": description, "permissions": permissions}
        return str(self._call("POST", "authorizations", body)["token"])

    def _organization(self) -> str:
        return str(self._call("GET", f"orgs?org={ORGANIZATION}")["orgs"][0]["id"])

    def _call(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 - the address is the line's own
            f"{self._url}/api/v2/{path}", data=data, headers=headers or {}, method=method
        )
        try:
            with self._session.open(request, timeout=TIMEOUT_S) as answer:
                text = answer.read()
        except urllib.error.HTTPError as e:
            said = e.read().decode(errors="replace")[:300]
            raise PipelineError(f"InfluxDB refused {method} {path}: {e.code} {said}") from e
        except OSError as e:
            raise Unavailable(f"InfluxDB at {self._url} does not answer: {e}") from e
        return json.loads(text) if text else None


def provision_influxdb(layout: Layout, ports: Ports, hosts: Hosts = HERE) -> None:
    """
    Set InfluxDB up, and write the token files that are missing.

    Raises:
        Unavailable: InfluxDB is away.
        PipelineError: It refused; the message says what.
    """
    missing = [name for name in TOKENS if not layout.secret(name).exists()]
    if not missing:
        return
    admin = InfluxAdmin(layout, ports, hosts)
    admin.set_up()
    bucket = admin.bucket_id(BUCKET)
    for name in missing:
        write_private(layout.secret(name), admin.create_token(bucket, TOKENS[name], name))
