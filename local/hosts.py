"""Where the servers of a line are found: on this machine, or by a container's name."""

from dataclasses import dataclass

from local.ports import LOOPBACK


@dataclass(frozen=True)
class Hosts:
    """
    The host each server is asked at.

    Attributes:
        listen: What a server that others are to reach listens on.
    """

    postgres: str = LOOPBACK
    influxdb: str = LOOPBACK
    airflow: str = LOOPBACK
    redis: str = LOOPBACK
    listen: str = LOOPBACK


HERE = Hosts()
