"""The configuration file of supervisord."""

import shlex
from collections.abc import Iterable
from pathlib import Path

from include.errors import Exit
from local.layout import REPOSITORY, Layout
from local.services import Service

LOG_BYTES = 10_000_000
LOG_BACKUPS = 2
TRIES = 1_000_000  # never give up: a service waits for another that is away


def config_file(layout: Layout) -> Path:
    return layout.run / "supervisord.conf"


def pid_file(layout: Layout) -> Path:
    return layout.run / "supervisord.pid"


def supervisor_config(layout: Layout, socket: Path, services: Iterable[Service]) -> str:
    """Return the text of supervisord.conf; nothing starts by itself."""
    daemon = {
        "logfile": layout.log("supervisord"),
        "logfile_maxbytes": LOG_BYTES,
        "logfile_backups": LOG_BACKUPS,
        "pidfile": pid_file(layout),
        "childlogdir": layout.logs,
        "directory": REPOSITORY,
        "umask": "077",
        "silent": "true",
    }
    sections = [
        _section("supervisord", daemon),
        _section("unix_http_server", {"file": socket, "chmod": "0600"}),
        "[rpcinterface:supervisor]\n"
        "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n",
    ]
    return "\n".join(sections + [_program(layout, service) for service in services])


def _program(layout: Layout, service: Service) -> str:
    options = {
        "command": shlex.join(service.command),
        "autostart": "false",
        "autorestart": "unexpected",
        "exitcodes": int(Exit.MISCONFIGURED),
        "startsecs": service.settled_s,
        "startretries": TRIES,
        "stopsignal": service.stop_signal,
        "stopwaitsecs": service.stop_wait_s,
        "stopasgroup": "true",
        "killasgroup": "true",
        "redirect_stderr": "true",
        "stdout_logfile": layout.log(service.name),
        "stdout_logfile_maxbytes": LOG_BYTES,
        "stdout_logfile_backups": LOG_BACKUPS,
        # On a signal to the supervisor itself: high numbers stop first.
        "priority": 100 if service.is_server else 900,
    }
    return _section(f"program:{service.name}", options)


def _section(name: str, options: dict[str, object]) -> str:
    lines = [f"{key} = {str(value).replace('%', '%%')}\n" for key, value in options.items()]
    return f"[{name}]\n{''.join(lines)}"
