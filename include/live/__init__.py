"""
The market page: live candles and KPIs in the browser, read from InfluxDB and PostgreSQL.

Read-only, with the rights of a reader; it knows nothing of Airflow, whose plugin mounts it behind
Airflow's own login.
"""
