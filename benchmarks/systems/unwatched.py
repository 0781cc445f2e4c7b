"""Thalweg's worker with its metrics or without, to measure what they cost.

Without them an observer is told everything and does nothing with it: no series, no gauge on a
timer, no page, no line. Nobody would run a model so. For that reason it is here, and not in the
product.
"""

from __future__ import annotations

import sys
from typing import Any

from prometheus_client import CollectorRegistry

from benchmarks import pipelines
from streams import worker
from streams.observer import Observer
from streams.settings import resolve


class Silent(Observer):
    """Takes the place of both of the worker's observers."""

    registry = CollectorRegistry()

    def __init__(self, *_: Any, **__: Any) -> None:
        """Nothing that it is given is needed."""

    async def run(self) -> None:
        """Set no gauge."""

    def summary(self) -> str:
        """Nothing was counted."""
        return ""


def main(brokers: str, predictions: str, kind: str, metrics: str, port: str) -> int:
    """Run a worker.

    Args:
        brokers: to ask first.
        predictions: its topic, which names the pipeline.
        kind: of the pipeline, a function of `benchmarks.pipelines`.
        metrics: ``on`` or ``off``.
        port: of the metrics page, 0 for none.
    """
    if metrics == "off":
        worker.PrometheusObserver = Silent
        worker.Report = Silent
    pipeline = getattr(pipelines, kind)(predictions.removesuffix(".predictions"))
    return worker.run(pipeline, *resolve(flags={"brokers": brokers, "metrics_port": int(port)}))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
