"""The Grafana dashboards, written as code: deploy/grafana/dashboards/*.json."""
