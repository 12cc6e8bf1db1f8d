"""
Whether one part of Airflow is well, as its API server sees it; for the health checks of containers.

`python -m local.airflow_health scheduler http://api-server:8080` ends with 0 if it is, else 1.
"""

import json
import sys
import urllib.request

TIMEOUT_S = 10


def status(part: str, address: str) -> str:
    """
    Return what the API server at `address` says of "scheduler", "triggerer", and so on.

    It is asked without a proxy and knows a part by its heartbeat: one that hangs is not well.

    Raises:
        OSError: It does not answer.
    """
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{address}/api/v2/monitor/health", timeout=TIMEOUT_S) as answer:
        return str(json.load(answer).get(part, {}).get("status"))


def main(part: str, address: str) -> int:
    try:
        found = status(part, address)
    except (OSError, ValueError) as e:
        found = str(e)
    print(f"{part}: {found}")
    return 0 if found == "healthy" else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
