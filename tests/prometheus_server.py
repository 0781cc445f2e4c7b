"""A Prometheus of one's own, as a stranger to Thalweg: it scrapes, evaluates rules, is asked."""

from __future__ import annotations

import json
import math
import shutil
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from served import Served

from streams.demo_monitoring import scraping

__all__ = ["Prometheus", "Samples", "needs_prometheus"]

needs_prometheus = pytest.mark.skipif(
    not all(map(shutil.which, ("prometheus", "promtool", "prometheus-alertmanager", "amtool"))),
    reason="Prometheus is not installed: make test-dashboards and make test-alerts fetch it",
)

Samples = dict[tuple[tuple[str, str], ...], list[tuple[float, float]]]
"""Finite samples of each series: when, and what."""


class Prometheus(Served):
    """``prometheus``, its data in a folder.

    Args:
        folder: for its configuration, its data and its log.
        ports: of the metrics pages.
        rules: a rule file's text.
        alertmanagers: host:port of each that is to be told what fires.
    """

    def __init__(
        self,
        folder: Path,
        ports: Sequence[int],
        rules: str = "groups: []",
        alertmanagers: Sequence[str] = (),
    ) -> None:
        (folder / "rules.yml").write_text(rules)
        targets = [f"127.0.0.1:{port}" for port in ports]
        config = scraping(targets, ["rules.yml"], alertmanagers)
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        flags = [
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
        ]
        super().__init__("prometheus", folder, flags)

    def now(self, query: str) -> dict[tuple[tuple[str, str], ...], float]:
        """The answer of this moment, finite or not, by labels."""
        found = self._ask("query", query=query)
        return {_labels(one): float(one["value"][1]) for one in found}

    def between(self, query: str, begin: float, end: float, step: float = 1.0) -> Samples:
        """The answers of a stretch of time, those that are finite."""
        found = self._ask("query_range", query=query, start=begin, end=end, step=step)
        finite = {
            _labels(one): [(at, float(v)) for at, v in one["values"] if math.isfinite(float(v))]
            for one in found
        }
        return {labels: samples for labels, samples in finite.items() if samples}

    def firing(self) -> set[str]:
        """Names of the alerts that fire now."""
        return {dict(labels)["alertname"] for labels in self.now('ALERTS{alertstate="firing"}')}

    def _ask(self, how: str, **asked: object) -> list[dict[str, Any]]:
        url = f"http://{self.address}/api/v1/{how}?{urllib.parse.urlencode(asked)}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
            return found


def _labels(one: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(one["metric"].items()))
