"""
### maintain_storage

Runs daily. Creates the partitions of the next seven days and deletes data past its retention, the
settings `PIPELINE_KEEP_*_DAYS`.

* **Reads** the settings.
* **Writes** partitions of `trades`: creates those of the next seven days and drops old ones.
  Deletes old rows of `crypto_prices`, `dead_letters`, `minute_audits`, closed `gap_ledger`,
  `quality_results` and `store_counts`. Sets the retention of InfluxDB's bucket. Deletes old rows of
  Airflow's database (`airflow db clean`).
* **If it fails** let it retry: completed steps stand, and the next run continues. Until then, only
  disk usage grows. The drain creates missing partitions itself.
"""

from datetime import UTC, datetime, timedelta

import fleet
from airflow.sdk import CronDataIntervalTimetable, dag, task


@dag(
    schedule=CronDataIntervalTimetable("40 0 * * *", timezone="UTC"),
    start_date=datetime(2025, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=2),
    default_args=fleet.DEFAULTS,
    tags=["maintenance", "tier-3"],
    doc_md=__doc__,
)
def maintain_storage() -> None:
    @task(execution_timeout=timedelta(minutes=30))
    def postgres() -> dict[str, object]:
        """Create partitions, drop and delete old data; return the counts."""
        import dataclasses
        from datetime import UTC, datetime

        from include.warehouse.retention import apply_retention

        with fleet.open_market() as (connection, settings):
            return dataclasses.asdict(apply_retention(connection, settings, datetime.now(UTC)))

    @task(execution_timeout=timedelta(minutes=2))
    def influxdb() -> bool:
        """Set the bucket's retention; return whether it changed."""
        from include.influxdb.retention import set_retention

        with fleet.open_market() as (_, settings):
            return set_retention(settings)

    @task(execution_timeout=timedelta(minutes=30))
    def airflow() -> list[str]:
        """Delete old rows of Airflow's database; return the command, empty without retention."""
        import os
        import subprocess
        import sys
        from datetime import UTC, datetime, timedelta

        from include.settings import Settings

        days = Settings.load().keep_airflow_days
        if not days:
            return []
        before = (datetime.now(UTC) - timedelta(days=days)).isoformat()
        command = [sys.executable, "-m", "airflow", "db", "clean", "--yes", "--skip-archive"]
        command += ["--clean-before-timestamp", before]
        # Airflow sets these variables to hide its database from tasks. Without them its command
        # uses the address in airflow.cfg, or in the variable with the suffix _CMD.
        hidden = "__SQL_ALCHEMY_CONN"
        environment = {name: os.environ[name] for name in os.environ if not name.endswith(hidden)}
        subprocess.run(command, check=True, env=environment)
        return command

    postgres()
    influxdb()
    airflow()


maintain_storage()
