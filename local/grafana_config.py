"""Grafana: told by files what to show, run by the supervisor."""

import json
from pathlib import Path

from include.dashboards.alerts import alerts
from include.dashboards.datasources import datasources, folders
from include.dashboards.files import provisioned
from local.credentials import write_private
from local.environment import BUCKET, ORGANIZATION
from local.grafana import Grafana
from local.hosts import HERE, Hosts
from local.layout import REPOSITORY, Layout
from local.ports import LOOPBACK, Ports


def grafana_command(grafana: Grafana, layout: Layout) -> list[str]:
    server = ["server"] if grafana.program.name == "grafana" else []
    config = str(_folder(layout) / "grafana.ini")
    return [str(grafana.program), *server, "--homepath", str(grafana.home), "--config", config]


def prepare_grafana(
    layout: Layout, ports: Ports, hosts: Hosts = HERE, secrets: Path | None = None
) -> None:
    """
    Write its configuration and provisioning; the passwords are names of files in it.

    Those are in the folder `secrets`; by default the line's own.
    """
    folder = _folder(layout)
    secrets = secrets or layout.secrets
    stores = datasources(
        influx_url=f"http://{hosts.influxdb}:{ports.influxdb}",
        influx_org=ORGANIZATION,
        influx_bucket=BUCKET,
        influx_token_file=str(secrets / "influx_reader_token"),
        postgres_address=f"{hosts.postgres}:{ports.postgres}",
        postgres_password_file=str(secrets / "market_reader_password"),
    )
    provisioning = {
        "datasources/stores.yaml": stores,
        "dashboards/folders.yaml": folders(path=str(REPOSITORY / "grafana" / "dashboards")),
        "alerting/alerts.yaml": alerts(),
    }
    for closed in (folder, folder / "provisioning"):
        closed.mkdir(mode=0o700, exist_ok=True)
    for kind in ("datasources", "dashboards", "alerting", "notifiers", "plugins"):
        (folder / "provisioning" / kind).mkdir(mode=0o700, exist_ok=True)
    for name, content in provisioning.items():
        (folder / "provisioning" / name).write_text(json.dumps(content, indent=1), "utf-8")
    write_private(folder / "grafana.ini", _ini(layout, ports, hosts, secrets))
    (folder / "provisioned.curl").write_text(_curl(ports), encoding="utf-8")


def _curl(ports: Ports) -> str:
    """Return curl's configuration for grafana/health.sh: get each thing that is provisioned."""
    address = f"http://{LOOPBACK}:{ports.grafana}"
    return "".join(f'url = "{address}{path}"\noutput = "/dev/null"\n' for path in provisioned())


def _folder(layout: Layout) -> Path:
    return layout.root / "grafana"


def _ini(layout: Layout, ports: Ports, hosts: Hosts, secrets: Path) -> str:
    folder, home_board = _folder(layout), REPOSITORY / "grafana" / "dashboards" / "market.json"
    sections: dict[str, dict[str, object]] = {
        "paths": {
            "data": layout.root / "data" / "grafana",
            "logs": folder,
            "plugins": folder / "plugins",
            "provisioning": folder / "provisioning",
        },
        "server": {"http_addr": hosts.listen, "http_port": ports.grafana},
        "security": {
            "admin_user": "admin",
            "admin_password": f"$__file{{{secrets / 'grafana_admin_password'}}}",
            "disable_gravatar": "true",
        },
        "users": {"allow_sign_up": "false", "viewers_can_edit": "false"},
        "auth.anonymous": {"enabled": "false"},
        "analytics": {
            "reporting_enabled": "false",
            "check_for_updates": "false",
            "check_for_plugin_updates": "false",
        },
        "news": {"news_feed_enabled": "false"},
        "snapshots": {"external_enabled": "false"},
        "dashboards": {"default_home_dashboard_path": home_board},
        "log": {"mode": "console", "level": "warn"},
    }
    lines: list[str] = []
    for section, values in sections.items():
        lines += [f"[{section}]", *(f"{name} = {value}" for name, value in values.items()), ""]
    return "\n".join(lines)
