"""Open a line's stores for reading, with the rights a reader has."""

from include.errors import Unavailable
from include.settings import Settings
from local.demo.airflow_figures import AirflowFigures
from local.demo.figures import Figures
from local.demo.influx_figures import InfluxFigures
from local.demo.kafka_figures import KafkaFigures
from local.demo.postgres_figures import PostgresFigures
from local.demo.table import summary
from local.line import Line
from local.ports import LOOPBACK

READER = "market_reader"


def settings_of(line: Line) -> Settings:
    """Return the settings the line's services run with."""
    return Settings.of(line.environment())


def reader_settings(line: Line) -> Settings:
    """Return the same settings with the reader's role and password file."""
    reader = {
        "postgres_user": READER,
        "postgres_passfile": line.layout.pgpass(READER),
        "influx_token_file": line.layout.secret("influx_reader_token"),
    }
    return settings_of(line).model_copy(update=reader)


def open_influxdb(line: Line) -> InfluxFigures:
    """Return the figures of the line's InfluxDB; its token file must be there."""
    settings = reader_settings(line)
    return InfluxFigures(
        url=settings.influx_url,
        org=settings.influx_org,
        bucket=settings.influx_bucket,
        token=settings.influx_token_file.read_text().strip(),
    )


def open_airflow(line: Line) -> AirflowFigures:
    """Return the figures of the line's Airflow."""
    return AirflowFigures(
        f"http://{LOOPBACK}:{line.ports.airflow}",
        user="admin",
        passwords_file=line.layout.secret("airflow_passwords.json"),
    )


def open_figures(line: Line, *, with_airflow: bool = True) -> Figures:
    """
    Return the figures of a running line.

    Raises:
        Unavailable: Kafka does not answer.
    """
    settings = reader_settings(line)
    return Figures(
        open_influxdb(line),
        PostgresFigures(settings),
        KafkaFigures(settings),
        open_airflow(line) if with_airflow else None,
    )


def figures_of(line: Line) -> list[str]:
    """Return what the line's stores hold, a line of text each."""
    try:
        figures = open_figures(line)
    except Unavailable as e:
        return [f"away: {e}"]
    try:
        return list(summary(figures.snapshot(), None))
    finally:
        figures.close()
