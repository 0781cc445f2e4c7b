"""Settings of a Grafana that shows our dashboards of one Prometheus to whoever looks."""

from __future__ import annotations

import json
import os
from pathlib import Path

from streams.demo_process import HOST

__all__ = ["environment", "homepath", "provision"]

_SOURCE = "thalweg-prometheus"
"""Uid of the data source that the dashboards ask."""


def provision(folder: Path, boards: Path, prometheus: str) -> None:
    """Write what `deploy/grafana/provisioning` says to containers: where data and dashboards are.

    Args:
        folder: to be made.
        boards: that holds the dashboards.
        prometheus: URL.
    """
    source = {
        "name": "Prometheus",
        "uid": _SOURCE,
        "type": "prometheus",
        "access": "proxy",
        "url": prometheus,
        "isDefault": True,
        "jsonData": {"timeInterval": "1s"},
    }
    provider = {
        "name": "thalweg",
        "folder": "Thalweg",
        "type": "file",
        "options": {"path": str(boards.resolve())},
    }
    for kind, key, told in (
        ("datasources", "datasources", source),
        ("dashboards", "providers", provider),
    ):
        (folder / kind).mkdir(parents=True)
        # What is JSON is YAML, too.
        written = json.dumps({"apiVersion": 1, key: [told]})
        (folder / kind / "thalweg.yml").write_text(written)


def environment(folder: Path, boards: Path, port: int) -> dict[str, str]:
    """Its settings: as `docker-compose.yml` has them, and all that it writes in `folder`."""
    own = {
        "SERVER_HTTP_ADDR": HOST,
        "SERVER_HTTP_PORT": str(port),
        "PATHS_PROVISIONING": str(folder / "provisioning"),
        "PATHS_DATA": str(folder / "grafana"),
        "PATHS_LOGS": str(folder / "grafana"),
        "PATHS_PLUGINS": str(folder / "grafana/plugins"),
        "AUTH_ANONYMOUS_ENABLED": "true",
        "AUTH_ANONYMOUS_ORG_ROLE": "Viewer",
        "AUTH_DISABLE_LOGIN_FORM": "true",
        "ANALYTICS_REPORTING_ENABLED": "false",
        "ANALYTICS_CHECK_FOR_UPDATES": "false",
        "PLUGINS_PREINSTALL_DISABLED": "true",
        "DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH": str(boards.resolve() / "overview.json"),
    }
    return {**os.environ, **{f"GF_{name}": value for name, value in own.items()}}


def homepath(binary: Path) -> Path | None:
    """Where its own files are: beside the binary as it is downloaded, or as packages put them."""
    prefix = binary.resolve().parents[1]
    for folder in (prefix, prefix / "share/grafana"):
        if (folder / "conf/defaults.ini").exists():
            return folder
    return None
