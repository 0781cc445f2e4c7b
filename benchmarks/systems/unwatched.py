"""Thalweg's worker with its metrics or without, to measure what they cost.

Without them an observer is told everything and does nothing with it: no series, no gauge on a
timer, no page, no line. Nobody would run a model so. For that reason it is here, and not in the
product. Or it has them, and looks at the clock of its CPU before and after whatever they do.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, exposition

from benchmarks import pipelines
from streams import worker
from streams.observer import Observer, PrometheusObserver
from streams.report import Report
from streams.settings import resolve

DESCRIBING = (
    "on_quality",
    "on_model",
    "on_alerting",
    "on_worker_quality",
    "on_worker_segments",
)
"""What the report tells while it describes models, and takes the time of by itself."""


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


class Stopwatch:
    """CPU-seconds of whatever metrics do, in all threads, since partitions were assigned."""

    def __init__(self) -> None:
        self.spent = 0.0
        self._began: float | None = None
        self._busy = threading.local()

    def install(self) -> None:
        """Take the time of hooks, gauges, descriptions and pages."""
        for owner in (PrometheusObserver, Report):
            for name in vars(owner):
                if name.startswith("on_") and name not in DESCRIBING:
                    setattr(owner, name, self._timed(getattr(owner, name)))
        Report._set_gauges = self._timed(Report._set_gauges)
        exposition.generate_latest = self._timed(exposition.generate_latest)
        describe, assigned = Report._describe, PrometheusObserver.on_assigned

        async def described(report: Report) -> float:
            spent = await describe(report)
            self.spent += spent
            return spent

        def begin(observer: PrometheusObserver, *told: Any) -> None:
            assigned(observer, *told)
            if self._began is None:
                self.spent, self._began = 0.0, time.process_time()

        Report._describe, PrometheusObserver.on_assigned = described, begin

    def share(self) -> float:
        """Of the CPU-seconds of the process."""
        return self.spent / (time.process_time() - (self._began or 0.0))

    def _timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*told: Any, **named: Any) -> Any:
            if getattr(self._busy, "now", False):
                return function(*told, **named)
            self._busy.now, began = True, time.thread_time()
            try:
                return function(*told, **named)
            finally:
                self.spent += time.thread_time() - began
                self._busy.now = False

        return call


def main(brokers: str, predictions: str, kind: str, metrics: str, port: str, told: str = "") -> int:
    """Run a worker.

    Args:
        brokers: to ask first.
        predictions: its topic, which names the pipeline.
        kind: of the pipeline, a function of `benchmarks.pipelines`.
        metrics: ``on`` or ``off``.
        port: of the metrics page, 0 for none.
        told: file for the share of the CPU that metrics took; empty: it is not measured.
    """
    stopwatch = Stopwatch()
    if told:
        stopwatch.install()
    if metrics == "off":
        worker.PrometheusObserver = Silent
        worker.Report = Silent
    pipeline = getattr(pipelines, kind)(predictions.removesuffix(".predictions"))
    code = worker.run(pipeline, *resolve(flags={"brokers": brokers, "metrics_port": int(port)}))
    if told:
        Path(told).write_text(json.dumps(stopwatch.share()))
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
