"""Metrics are compared with none at all, in pairs that ran one after the other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from prometheus_client import exposition

from benchmarks.measuring import Run
from benchmarks.metrics_cost import WAYS, row, variants
from benchmarks.systems.unwatched import Silent, Stopwatch
from streams.observer import Observers, PrometheusObserver
from streams.report import Report


def runs(*rates: float) -> list[Run]:
    return [Run(1_000, 1.0, 1_000 / rate, 1_000) for rate in rates]


def test_a_ratio_is_the_median_of_those_of_one_turn():
    told = row("plain", {"off": runs(100, 50, 200), "on": runs(99, 49, 100)}, [0.03, 0.01, 0.02])
    assert told["ratios"] == {"on": 0.98}
    assert told["share"] == 0.02
    assert told["events_per_cpu_s"] == {"off": 100, "on": 99}


def test_only_one_way_has_no_metrics_two_are_read_and_one_is_timed():
    ways = [variant.command("b", "p") for variant in variants("plain", 9, Path("told"))]
    assert [line[5:7] for line in ways] == [["plain", "off"], *[["plain", "on"]] * 3]
    assert [line[7] == "0" for line in ways] == [True, True, False, False]
    assert [line[8] for line in ways] == ["", "", "", "told"]
    assert len(WAYS) == 4


def test_the_clock_is_read_around_whatever_metrics_do_and_once(monkeypatch):
    for owner in (PrometheusObserver, Report):
        for name, value in vars(owner).copy().items():
            if callable(value):
                monkeypatch.setattr(owner, name, value)
    stopwatch = Stopwatch()
    monkeypatch.setattr(exposition, "generate_latest", exposition.generate_latest)
    stopwatch.install()
    observer = PrometheusObserver("it")
    observer.on_assigned([0])
    assert stopwatch.spent == 0.0  # what was before partitions came is start-up
    observer.on_latency(0, np.full(1_000_000, 0.1))
    spent = stopwatch.spent
    assert spent > 0.0
    exposition.generate_latest(observer.registry)
    assert stopwatch.spent > spent
    assert stopwatch.share() > 0.0


def test_the_silent_observer_has_all_that_a_worker_asks_of_the_two_it_stands_for():
    silent = Silent("pipeline", model="it", values={})
    Observers(silent, silent).on_slice(0, 1, 1, 0.1)
    for replaced in (PrometheusObserver, Report):
        own = {name for name in vars(replaced) if not name.startswith("_")}
        assert all(hasattr(silent, name) for name in own)
    assert hasattr(silent, "registry")
