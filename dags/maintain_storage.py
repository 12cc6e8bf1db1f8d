"""
### maintain_storage

Every day makes ready what the next days write to, and lets go what is older than the settings
`PIPELINE_KEEP_*_DAYS` say.

* **Reads** the settings.
* **Writes** partitions of `trades`: those of the next seven days are made, old ones dropped;
  deletes old rows of `crypto_prices`, `dead_letters`, `minute_audits`, closed `gap_ledger`,
  `quality_results`, `store_counts`; sets how long InfluxDB's bucket keeps points; deletes old rows
  of Airflow's own database (`airflow db clean`).
* **If it fails** let it retry: what it did stands, and it goes on from there. Nothing waits for it
  but the disk; the drain makes a partition that is missing by itself.
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
        """Make partitions, drop and delete what is old; return the counts."""
        import dataclasses
        from datetime import UTC, datetime

        from include.warehouse.retention import apply_retention

        with fleet.open_market() as (connection, settings):
            return dataclasses.asdict(apply_retention(connection, settings, datetime.now(UTC)))

    @task(execution_timeout=timedelta(minutes=2))
    def influxdb() -> bool:
        """Set the bucket's retention; return whether it was another."""
        from include.influxdb.retention import set_retention

        with fleet.open_market() as (_, settings):
            return set_retention(settings)

    @task(execution_timeout=timedelta(minutes=30))
    def airflow() -> list[str]:
        """Delete old rows of Airflow's database; return the command, empty if all is kept."""
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
        # By these variables Airflow hides its database from tasks; its own command may see it where
        # airflow.cfg (or the variable's form with _CMD) names it.
        hidden = "__SQL_ALCHEMY_CONN"
        environment = {name: os.environ[name] for name in os.environ if not name.endswith(hidden)}
        subprocess.run(command, check=True, env=environment)
        return command

    postgres()
    influxdb()
    airflow()


maintain_storage()
