"""Dashboards and alert rules, made from the catalogue of metrics.

``python -m deploy.monitoring`` writes ``deploy/grafana/*.json``, ``deploy/prometheus/alerts.yml``
and ``docs/runbooks.md``; a test compares what stands there with what the code makes.
"""
