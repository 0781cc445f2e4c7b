"""``python -m deploy.monitoring`` writes every file that is made from code, see `files`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml

from deploy.monitoring.alerts import rules, runbooks
from deploy.monitoring.boards import BOARDS
from deploy.monitoring.grafana import rendered

__all__ = ["ROOT", "alert_file", "files"]

ROOT = Path(__file__).parents[2]
_MADE = "# Made by python -m deploy.monitoring from deploy/monitoring/alerts.py.\n"
_PREFACE = """# Runbooks

What to do when an alert fires. Made from `deploy/monitoring/alerts.py` by `make docs`; what each
metric says is in [metrics](metrics.md), how the alerts are tried in [monitoring](monitoring.md).

"""


def files() -> Mapping[Path, str]:
    """Every file, from the top of the repository, and what it is to hold."""
    folder = Path("deploy/grafana")
    made = {folder / f"{board.name}.json": rendered(board) for board in BOARDS}
    made[Path("deploy/prometheus/alerts.yml")] = alert_file()
    made[Path("docs/runbooks.md")] = f"{_PREFACE}{runbooks()}\n"
    return made


def alert_file(pace: float = 1.0) -> str:
    """The rules as YAML; see `deploy.monitoring.alerts.alerts` for the pace."""
    text: str = yaml.safe_dump(rules(pace), sort_keys=False, width=100, allow_unicode=True)
    return _MADE + text


if __name__ == "__main__":
    for path, text in files().items():
        (ROOT / path).write_text(text)
