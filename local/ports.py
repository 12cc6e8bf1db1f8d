"""The ports of a line: all on 127.0.0.1, each set by one variable of `.env`."""

import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Self

from include.errors import Misconfigured

LOOPBACK = "127.0.0.1"


def _port(number: int, purpose: str) -> int:
    return field(default=number, metadata={"purpose": purpose})


@dataclass(frozen=True)
class Ports:
    """Every port a line listens on; the variable of `kafka` is KAFKA_PORT, and so on."""

    kafka: int = _port(19092, "Kafka")
    kafka_controller: int = _port(19093, "Kafka's controller")
    postgres: int = _port(15432, "PostgreSQL")
    influxdb: int = _port(18086, "InfluxDB")
    airflow: int = _port(18080, "Airflow's web interface and API")
    simulator: int = _port(18090, "the simulated exchange")
    grafana: int = _port(13000, "Grafana")
    producer_health: int = _port(18091, "the producer's health")
    consumer_health: int = _port(18092, "the consumer's health")

    @classmethod
    def read(cls, configuration: Mapping[str, str]) -> Self:
        """
        Take the ports that `configuration` names, the defaults for the others.

        Raises:
            Misconfigured: One is no port number, or two are the same.
        """
        names = [f.name for f in fields(cls)]
        given = {name: variable(name) for name in names if configuration.get(variable(name))}
        ports = cls(**{name: _number(var, configuration[var]) for name, var in given.items()})
        taken: dict[int, str] = {}
        for name in names:
            number = getattr(ports, name)
            if number in taken:
                raise Misconfigured(
                    f"{variable(taken[number])} and {variable(name)} are both {number}: "
                    "give each a port of its own in .env"
                )
            taken[number] = name
        return ports

    def require_free(self, names: Iterable[str]) -> None:
        """
        Return if nothing listens on the named ports.

        Raises:
            Misconfigured: With a line for each that is taken.
        """
        taken = [name for name in names if not is_free(getattr(self, name))]
        if taken:
            raise Misconfigured("\n".join(self._taken(name) for name in taken))

    def _taken(self, name: str) -> str:
        purpose = next(f.metadata["purpose"] for f in fields(self) if f.name == name)
        return (
            f"port {getattr(self, name)} for {purpose} is taken by another program: "
            f"stop that, or set {variable(name)} in .env to a free port"
        )


def variable(name: str) -> str:
    """Return the variable of `.env` that sets a port."""
    return f"{name.upper()}_PORT"


def is_free(port: int) -> bool:
    """Return whether a server could listen on this port of the loopback address now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _number(name: str, text: str) -> int:
    if not text.isdecimal() or not 1024 <= int(text) <= 65535:
        raise Misconfigured(f"{name} in .env: expected a port from 1024 to 65535, found {text!r}")
    return int(text)
