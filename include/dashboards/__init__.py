"""
Grafana as code: dashboards, alerts and data sources, generated into `grafana/`.

Plain dicts in, JSON out; queries are named statements in `flux/` and `sql/dashboards`. It may
import `include.kpis` for names and units, nothing that talks to a server.
"""
