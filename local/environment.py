"""The environment of a line's services: addresses and names of files, never a secret."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from local.airflow_config import market_connection
from local.cache import cache_root
from local.grafana import installed_grafana
from local.layout import REPOSITORY, Layout
from local.ports import LOOPBACK, Ports

if TYPE_CHECKING:
    from local.install import Toolchain

MARKER = "CRYPTO_KPI_LINE"  # names the line's folder in each of its processes
SIMULATED = "simulated"
MARKETS = (SIMULATED, "live")
ORGANIZATION, BUCKET = "crypto", "crypto-data"

# What services may see of the user's own environment; the rest may hold secrets or steer them.
INHERITED = frozenset(
    {
        *("HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "JAVA_HOME"),
        *("LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"),
        *("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"),
    }
)


def public_environment(
    layout: Layout, ports: Ports, market: str, settings: Mapping[str, str], toolchain: "Toolchain"
) -> dict[str, str]:
    """
    Return what anybody needs to work against the line: its services, and `make env`'s shell.

    `settings` are the PIPELINE_* variables of the configuration; what is the line's own wins.
    """
    found = {name: value for name, value in settings.items() if name.startswith("PIPELINE_")}
    found |= {
        "PIPELINE_KAFKA_BOOTSTRAP": f"{LOOPBACK}:{ports.kafka}",
        "PIPELINE_INFLUX_URL": f"http://{LOOPBACK}:{ports.influxdb}",
        "PIPELINE_INFLUX_ORG": ORGANIZATION,
        "PIPELINE_INFLUX_BUCKET": BUCKET,
        "PIPELINE_INFLUX_TOKEN_FILE": str(layout.secret("influx_writer_token")),
        "PIPELINE_INFLUX_READER_TOKEN_FILE": str(layout.secret("influx_reader_token")),
        "PIPELINE_INFLUX_KEEPER_TOKEN_FILE": str(layout.secret("influx_keeper_token")),
        "PIPELINE_POSTGRES_HOST": LOOPBACK,
        "PIPELINE_POSTGRES_PORT": str(ports.postgres),
        "PIPELINE_POSTGRES_DATABASE": "market",
        "PIPELINE_POSTGRES_USER": "market_writer",
        "PIPELINE_POSTGRES_PASSFILE": str(layout.pgpass("market_writer")),
        "PIPELINE_POSTGRES_READER_PASSFILE": str(layout.pgpass("market_reader")),
        "PIPELINE_PRODUCER_HEALTH_PORT": str(ports.producer_health),
        "PIPELINE_CONSUMER_HEALTH_PORT": str(ports.consumer_health),
        "PIPELINE_CHARTS_FILE": str(toolchain.charts),
        "AIRFLOW_HOME": str(layout.airflow_home),
        "AIRFLOW_CONN_MARKET": market_connection(layout, ports),
        "NUMBA_CACHE_DIR": str(cache_root() / "numba"),
        "PYTHONPATH": str(REPOSITORY),
        "PATH": f"{toolchain.python.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
    }
    for name in ("no_proxy", "NO_PROXY"):  # what is on this machine is not asked for by proxy
        others = [host for host in [os.environ.get(name, "")] if host]
        found[name] = ",".join([*others, LOOPBACK, "localhost"])
    if installed_grafana():
        found["GRAFANA_URL"] = f"http://{LOOPBACK}:{ports.grafana}"
    if market == SIMULATED:
        found["PIPELINE_EXCHANGE_URL"] = f"http://{LOOPBACK}:{ports.simulator}"
    return found


def service_environment(layout: Layout, public: Mapping[str, str]) -> dict[str, str]:
    """Return the whole environment of the supervisor and its services."""
    inherited = {name: value for name, value in os.environ.items() if name in INHERITED}
    # PYTHONUNBUFFERED: a log line is in the log at once. SPT_NOENV: setproctitle leaves the
    # environment of a process readable, in which the marker stands.
    own = {MARKER: str(layout.root), "PYTHONUNBUFFERED": "1", "SPT_NOENV": "1"}
    return inherited | dict(public) | own
