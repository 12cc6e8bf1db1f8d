"""
Examine the servers of the settings; `python -m include.doctor`, `make doctor`.

Ends with 0 if all is well, 2 if a person must act, 3 if something is away.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from include.doctor import exchange, influxdb, kafka, postgres, services
from include.doctor.finding import Finding, Look, found, gravest
from include.runtime import run_command
from include.settings import Settings

STARTED = "is it started (`make status`, its log)"
KAFKA_AWAY = f"{STARTED}, is PIPELINE_KAFKA_BOOTSTRAP its address?"
INFLUXDB_AWAY = f"{STARTED}, is PIPELINE_INFLUX_URL its address?"
POSTGRES_AWAY = f"{STARTED}, are PIPELINE_POSTGRES_HOST and PIPELINE_POSTGRES_PORT its address?"
EXCHANGE_AWAY = "does this machine reach it, is PIPELINE_EXCHANGE_URL its address, where set?"


def looks(settings: Settings) -> list[Look]:
    """Return all there is to look at, in the order it is told."""
    exchanges = sorted({market.exchange for market in settings.markets})
    ports = {"producer": settings.producer_health_port, "consumer": settings.consumer_health_port}
    return [
        Look("Kafka", partial(kafka.topics, settings), KAFKA_AWAY),
        Look("InfluxDB, writer", partial(influxdb.writes, settings), INFLUXDB_AWAY),
        Look("InfluxDB, reader", partial(influxdb.reads, settings), INFLUXDB_AWAY),
        Look("InfluxDB, keeper", partial(influxdb.keeps, settings), INFLUXDB_AWAY),
        Look("PostgreSQL, writer", partial(postgres.writes, settings), POSTGRES_AWAY),
        Look("PostgreSQL, reader", partial(postgres.reads, settings), POSTGRES_AWAY),
        *(
            Look(f"exchange {name}", partial(exchange.clock, settings, name), EXCHANGE_AWAY)
            for name in exchanges
        ),
        *(
            Look(name, partial(services.ready, settings, name, port))
            for name, port in ports.items()
            if port
        ),
    ]


def examine(settings: Settings) -> list[Finding]:
    """Take all looks at once; the slowest decides."""
    todo = looks(settings)
    with ThreadPoolExecutor(len(todo)) as pool:
        return list(pool.map(found, todo))


def main() -> int:
    findings: list[Finding] = []
    code = run_command("doctor", lambda: findings.extend(examine(Settings.load())))
    for finding in findings:
        print(finding)
    return code or gravest(findings)


if __name__ == "__main__":
    sys.exit(main())
