"""
Grafana as code: dashboards, alerts and data sources, generated into `grafana/`.

Plain dicts in, JSON out; a query is a file, in `flux/` here or in `sql/dashboards`. It may import
`include.kpis` for names and units, nothing that talks to a server.
"""
