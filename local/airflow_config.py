"""Airflow: one generated airflow.cfg (mode 0600) that holds every option, secrets included."""

import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from local.credentials import AIRFLOW_ADMIN, read_secret, write_private
from local.hosts import HERE, Hosts
from local.layout import REPOSITORY, Layout
from local.ports import Ports

type Options = Mapping[str, Mapping[str, object]]

POOLS = REPOSITORY / "plugins" / "pools.json"  # how many tasks may do the same at a time
PARALLELISM = 4  # task processes at once; two cores


def airflow_options(layout: Layout, ports: Ports, hosts: Hosts = HERE) -> Options:
    """Return what differs from Airflow's defaults, by section."""
    address = f"http://{hosts.airflow}:{ports.airflow}"
    return {
        "core": {
            "executor": "LocalExecutor",
            "parallelism": PARALLELISM,
            "mp_start_method": "fork",
            "load_examples": False,
            "dags_folder": REPOSITORY / "dags",
            "plugins_folder": REPOSITORY / "plugins",
            "dags_are_paused_at_creation": False,
            "default_timezone": "utc",
            "fernet_key": read_secret(layout, "airflow_fernet_key"),
            "execution_api_server_url": f"{address}/execution/",
            "simple_auth_manager_users": f"{AIRFLOW_ADMIN}:admin",
            "simple_auth_manager_passwords_file": layout.secret("airflow_passwords.json"),
        },
        "database": {"sql_alchemy_conn": metadata_database(layout, ports, hosts)},
        "api": {
            "host": hosts.listen,
            "port": ports.airflow,
            "base_url": address,
            "workers": 1,
            "expose_config": False,
            "secret_key": read_secret(layout, "airflow_api_secret_key"),
        },
        # Only CeleryExecutor asks: tasks on other machines, of which this one has none.
        "celery": {
            "broker_url": f"redis://:{read_secret(layout, 'redis_password')}@{hosts.redis}:6379/0"
        },
        "api_auth": {"jwt_secret": read_secret(layout, "airflow_jwt_secret")},
        "dag_processor": {
            "refresh_interval": 30,
            "min_file_process_interval": 30,
            "dag_bundle_storage_path": layout.run / "tmp" / "dag_bundles",
        },
        "logging": {
            "base_log_folder": layout.logs / "tasks",
            "dag_processor_child_process_log_directory": layout.logs / "dag_files",
            "colored_console_log": False,
        },
        "usage_data_collection": {"enabled": False},
    }


def airflow_cfg(options: Options) -> str:
    """Return the text of airflow.cfg."""
    lines: list[str] = []
    for section, values in options.items():
        lines.append(f"[{section}]")
        lines += [f"{name} = {str(value).replace('%', '%%')}" for name, value in values.items()]
        lines.append("")
    return "\n".join(lines)


def prepare_airflow(layout: Layout, ports: Ports, hosts: Hosts = HERE) -> None:
    """Write airflow.cfg."""
    text = airflow_cfg(airflow_options(layout, ports, hosts))
    write_private(layout.airflow_home / "airflow.cfg", text)


def market_connection(layout: Layout, ports: Ports, hosts: Hosts = HERE) -> str:
    """Return AIRFLOW_CONN_MARKET: how DAGs reach the market tables; libpq finds the password."""
    passfile = {"passfile": str(layout.pgpass("market_writer"))}
    return json.dumps(
        {
            "conn_type": "postgres",
            "host": hosts.postgres,
            "port": ports.postgres,
            "schema": "market",
            "login": "market_writer",
            # Once for PostgresHook's own connections, once for those through SQLAlchemy.
            "extra": {**passfile, "sqlalchemy_query": passfile},
        }
    )


def migrated_marker(layout: Layout) -> Path:
    """Return the file that says which Airflow's tables the line's database has."""
    return layout.airflow_home / "migrated.txt"


def imported_pools(layout: Layout) -> Path:
    """Return the file that says which pools the line's Airflow was given."""
    return layout.airflow_home / "pools.json"


def metadata_database(layout: Layout, ports: Ports, hosts: Hosts = HERE) -> str:
    """Return the address of Airflow's own tables; libpq finds the password."""
    passfile = quote(str(layout.pgpass("airflow")), safe="/")
    server = f"airflow@{hosts.postgres}:{ports.postgres}"
    return f"postgresql+psycopg2://{server}/airflow?passfile={passfile}"
