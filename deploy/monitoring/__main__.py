"""``python -m deploy.monitoring`` writes every file that is made from code, see `files`.

``python -m deploy.monitoring --runbooks URL`` prints the rules with links to runbooks at that URL.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from deploy.monitoring.alerts import RUNBOOKS, rules, runbooks
from deploy.monitoring.boards import BOARDS
from deploy.monitoring.grafana import rendered
from deploy.monitoring.paging import paging

__all__ = ["ROOT", "alert_file", "files", "paging_file"]

ROOT = Path(__file__).parents[2]
_MADE = "# Made by python -m deploy.monitoring from deploy/monitoring/{}.py.\n"
_LINKED = """#
# Its links to runbooks are paths in this repository. To have them lead to a page of your own, such
# as docs/runbooks.md when make docs-site has built it:
#
#     python -m deploy.monitoring --runbooks https://wiki.example/thalweg/runbooks.html > alerts.yml
"""
_PREFACE = """# Runbooks

What to do when an alert fires. Made from `deploy/monitoring/alerts.py` by `make docs`; what each
metric says is in [metrics](metrics.md), how the alerts are tried in [monitoring](monitoring.md).

"""


def files() -> Mapping[Path, str]:
    """Every file, from the top of the repository, and what it is to hold."""
    folder = Path("deploy/grafana")
    made = {folder / f"{board.name}.json": rendered(board) for board in BOARDS}
    made[Path("deploy/prometheus/alerts.yml")] = alert_file()
    made[Path("deploy/alertmanager/alertmanager.yml")] = paging_file()
    made[Path("docs/runbooks.md")] = f"{_PREFACE}{runbooks()}\n"
    return made


def alert_file(pace: float = 1.0, page: str = RUNBOOKS) -> str:
    """The rules as YAML; see `deploy.monitoring.alerts.rules`."""
    return _yaml("alerts", rules(pace, page), _LINKED if page == RUNBOOKS else "")


def paging_file(pace: float = 1.0, url: str | None = None) -> str:
    """Alertmanager's configuration as YAML; see `deploy.monitoring.paging.paging`."""
    return _yaml("paging", paging(pace, url))


def _yaml(module: str, told: dict[str, Any], more: str = "") -> str:
    text: str = yaml.safe_dump(told, sort_keys=False, width=100, allow_unicode=True)
    return _MADE.format(module) + more + text


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m deploy.monitoring", description="Made files.")
    parser.add_argument(
        "--runbooks", metavar="URL", help="print the rules, with links to this page"
    )
    if (page := parser.parse_args().runbooks) is not None:
        sys.stdout.write(alert_file(page=page))
        sys.exit()
    for path, text in files().items():
        (ROOT / path).write_text(text)
