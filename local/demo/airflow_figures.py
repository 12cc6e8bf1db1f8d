"""What Airflow says of a DAG's runs, asked over its REST API as the line's own admin."""

import json
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime
from pathlib import Path
from typing import Any

from include.errors import Unavailable

TIMEOUT_S = 10


class AirflowFigures:
    """Questions about one Airflow; logs in when first asked, and again when the token is old."""

    def __init__(self, url: str, *, user: str, passwords_file: Path) -> None:
        self._url = url
        self._user = user
        self._passwords_file = passwords_file
        self._token = ""

    def scheduled_runs(self, dag_id: str, since: datetime | None = None) -> dict[str, int]:
        """
        Return the scheduled runs of *dag_id* by state, such as {"success": 3}.

        With *since*, only those that started from then on.

        Raises:
            Unavailable: Airflow does not answer, or does not know the DAG yet.
        """
        found: dict[str, int] = {}
        for state in ("success", "failed", "running"):
            query = {"limit": "1", "run_type": "scheduled", "state": state}
            if since is not None:
                query["start_date_gte"] = since.isoformat()
            path = f"/api/v2/dags/{dag_id}/dagRuns?{urllib.parse.urlencode(query)}"
            found[state] = int(self._get(path)["total_entries"])
        return found

    def _get(self, path: str) -> dict[str, Any]:
        for _ in range(2):
            if not self._token:
                self._token = self._log_in()
            try:
                return self._request(path, headers={"Authorization": f"Bearer {self._token}"})
            except urllib.error.HTTPError as e:
                if e.code != 401:
                    raise Unavailable(f"Airflow at {self._url} answered {e.code}") from None
                self._token = ""  # expired: log in once more
        raise Unavailable(f"Airflow at {self._url} refuses {self._user}")

    def _log_in(self) -> str:
        try:
            password = json.loads(self._passwords_file.read_text())[self._user]
        except FileNotFoundError:
            raise Unavailable("Airflow has no password file yet") from None
        body = json.dumps({"username": self._user, "password": password}).encode()
        try:
            answer = self._request("/auth/token", body=body)
        except urllib.error.HTTPError as e:
            raise Unavailable(f"Airflow at {self._url} answered {e.code} to a login") from None
        return str(answer["access_token"])

    def _request(
        self, path: str, *, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        request = urllib.request.Request(  # noqa: S310 - the address is the line's own
            self._url + path,
            data=body,
            headers={"Content-Type": "application/json", **(headers or {})},
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
                return dict(json.load(answer))
        except urllib.error.HTTPError:
            raise
        except (OSError, ValueError) as e:
            raise Unavailable(f"Airflow at {self._url}: {type(e).__name__}") from e
