"""
Whether the Celery worker of this host answers; the health check of its container.

`celery inspect ping` with Airflow's application imports all of Airflow, 9 s of CPU time for each
check. The address of the broker is enough, and airflow.cfg holds it.
"""

import configparser
import os
import socket
import sys
from pathlib import Path

from celery import Celery
from kombu.exceptions import KombuError

TIMEOUT_S = 10.0


def broker_url(airflow_home: Path) -> str:
    """
    Read the address of Celery's broker from airflow.cfg.

    Raises:
        OSError: The file cannot be read.
        configparser.Error: It has no option `broker_url` in its section `celery`.
    """
    config = configparser.ConfigParser()
    with (airflow_home / "airflow.cfg").open(encoding="utf-8") as file:
        config.read_file(file)
    return config.get("celery", "broker_url")


def worker_answers(broker: str, host: str, *, timeout_s: float = TIMEOUT_S) -> bool:
    """
    Ping the worker `celery@<host>` through the broker and wait for its reply.

    Raises:
        KombuError: The broker cannot be reached, or refuses the password.
    """
    with Celery(broker=broker, set_as_current=False) as app:
        app.conf.broker_transport_options = {"max_retries": 1}  # else it retries until killed
        return bool(app.control.ping(destination=[f"celery@{host}"], timeout=timeout_s))


def main() -> int:
    """Return 0 if the worker answers, else 1."""
    host = socket.gethostname()
    try:
        found = worker_answers(broker_url(Path(os.environ["AIRFLOW_HOME"])), host)
    except (OSError, KombuError, configparser.Error) as e:
        print(f"celery@{host}: {e}")
        return 1
    print(f"celery@{host}: {'healthy' if found else 'no reply'}")
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main())
