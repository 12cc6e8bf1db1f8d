"""The pipeline: what Airflow and the services import."""
