"""Grafana's data sources, by fixed uid, with the rights of a reader; and where dashboards are."""

from include.dashboards.queries import AIRFLOW, INFLUXDB, POSTGRES, Json

FOLDER = "Crypto KPI pipeline"


def datasources(
    *,
    influx_url: str = "http://influxdb:8086",
    influx_org: str = "crypto",
    influx_bucket: str = "crypto-data",
    influx_token_file: str = "/run/secrets/influx_reader_token",  # noqa: S107 - a path, no secret
    postgres_address: str = "postgres:5432",
    postgres_password_file: str = "/run/secrets/market_reader_password",  # noqa: S107
) -> Json:
    """Return the provisioning of all; the defaults are the addresses of docker-compose.yaml."""

    def postgres(name: str, source: Json, database: str) -> Json:
        return {
            "name": name,
            **source,
            "access": "proxy",
            "url": postgres_address,
            "user": "market_reader",
            "editable": False,
            "jsonData": {
                "database": database,
                "sslmode": "disable",
                "postgresVersion": 1700,
                "timescaledb": False,
            },
            "secureJsonData": {"password": f"$__file{{{postgres_password_file}}}"},
        }

    return {
        "apiVersion": 1,
        "datasources": [
            {
                "name": "InfluxDB",
                **INFLUXDB,
                "access": "proxy",
                "url": influx_url,
                "isDefault": True,
                "editable": False,
                "jsonData": {
                    "version": "Flux",
                    "organization": influx_org,
                    "defaultBucket": influx_bucket,
                    "timeInterval": "5s",  # a snapshot comes every 5 s: no window is narrower
                    "maxSeries": 1000,
                },
                "secureJsonData": {"token": f"$__file{{{influx_token_file}}}"},
            },
            postgres("PostgreSQL", POSTGRES, "market"),
            postgres("Airflow's runs", AIRFLOW, "airflow"),
        ],
    }


def folders(*, path: str = "/etc/grafana/dashboards") -> Json:
    """Return the provisioning of the folder that holds the dashboards."""
    return {
        "apiVersion": 1,
        "providers": [
            {
                "name": "pipeline",
                "folder": FOLDER,
                "type": "file",
                "allowUiUpdates": False,
                "updateIntervalSeconds": 30,
                "options": {"path": path},
            }
        ],
    }
