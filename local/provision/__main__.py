"""
Entry point: `python -m local.provision STEP --line FOLDER`, for servers that others start.

`files` comes before all servers, `postgres` and `influxdb` once theirs answers, `runs` once
Airflow's tables are there. Where the servers are is told by PIPELINE_*; each step may be run again.
"""

import argparse
import sys
from pathlib import Path
from urllib.parse import urlsplit

from include import log
from include.errors import Misconfigured
from include.runtime import run_command
from include.settings import Settings
from local.hosts import Hosts
from local.layout import Layout
from local.ports import Ports
from local.provision.files import NEEDED_BY, copy_secrets, prepare_files
from local.provision.influxdb import provision_influxdb
from local.provision.postgres import AIRFLOW, provision_postgres, show_runs, superuser

STEPS = ("files", "postgres", "influxdb", "runs")
EVERYWHERE = "0.0.0.0"  # noqa: S104 - of a container, whose ports the host publishes or not


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.provision", description=__doc__)
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("--line", type=Path, required=True, help="folder of secrets and files")
    parser.add_argument("--airflow", default="127.0.0.1:18080", metavar="HOST:PORT")
    parser.add_argument("--grafana-port", type=int, default=13000)
    parser.add_argument("--redis", default="127.0.0.1", metavar="HOST")
    parser.add_argument(
        "--group", action="append", default=[], metavar="SERVER=ID",
        help=f"group id as which one of {', '.join(NEEDED_BY)} reads its secrets",
    )  # fmt: skip
    return parser.parse_args(argv)


def provision(options: argparse.Namespace, settings: Settings) -> None:
    """
    Take one step.

    Raises:
        Misconfigured: An option or setting is wrong.
        Unavailable: The server is away.
        PipelineError: It refused; the message says what.
    """
    layout = Layout(options.line.resolve())
    hosts, ports = _addresses(options, settings)
    groups = dict(_group(text) for text in options.group)
    if options.step == "files":
        prepare_files(layout, ports, hosts, groups)
    elif options.step == "postgres":
        provision_postgres(layout, ports, hosts)
    elif options.step == "runs":
        with superuser(layout, ports, AIRFLOW, hosts) as connection:
            show_runs(connection)
    else:
        provision_influxdb(layout, ports, hosts)
        copy_secrets(layout, groups)


def _addresses(options: argparse.Namespace, settings: Settings) -> tuple[Hosts, Ports]:
    influx = urlsplit(settings.influx_url)
    airflow, _, airflow_port = options.airflow.rpartition(":")
    if not influx.hostname or not influx.port or not airflow or not airflow_port.isdecimal():
        raise Misconfigured(
            "expected --airflow HOST:PORT and PIPELINE_INFLUX_URL http://HOST:PORT, "
            f"found {options.airflow} and {settings.influx_url}"
        )
    hosts = Hosts(
        postgres=settings.postgres_host,
        influxdb=influx.hostname,
        airflow=airflow,
        redis=options.redis,
        listen=EVERYWHERE,
    )
    ports = Ports(
        postgres=settings.postgres_port,
        influxdb=influx.port,
        airflow=int(airflow_port),
        grafana=options.grafana_port,
    )
    return hosts, ports


def _group(text: str) -> tuple[str, int]:
    server, _, group = text.partition("=")
    if server not in NEEDED_BY or not group.isdecimal():
        raise Misconfigured(
            f"--group: expected one of {', '.join(NEEDED_BY)} and =ID, found {text}"
        )
    return server, int(group)


def main() -> int:
    log.configure("provision")
    options = arguments()
    return run_command("provision", lambda: provision(options, Settings.load()))


if __name__ == "__main__":
    sys.exit(main())
