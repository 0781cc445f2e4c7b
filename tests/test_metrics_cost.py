"""Metrics are compared with none at all, in pairs that ran one after the other."""

from __future__ import annotations

from benchmarks.measuring import Run
from benchmarks.metrics_cost import WAYS, row, variants
from benchmarks.systems.unwatched import Silent
from streams.observer import Observers, PrometheusObserver
from streams.report import Report


def runs(*rates: float) -> list[Run]:
    return [Run(1_000, 1.0, 1_000 / rate, 1_000) for rate in rates]


def test_a_ratio_is_the_median_of_those_of_one_turn():
    told = row("plain", {"off": runs(100, 50, 200), "on": runs(99, 49, 100)})
    assert told["ratios"] == {"on": 0.98}
    assert told["events_per_cpu_s"] == {"off": 100, "on": 99}


def test_only_one_way_has_no_metrics_and_one_is_read():
    off, on, scraped = (variant.command("b", "p") for variant in variants("plain", 9))
    assert [line[5:7] for line in (off, on)] == [["plain", "off"], ["plain", "on"]]
    assert off[7] == on[7] == "0" != scraped[7]
    assert len(WAYS) == 3


def test_the_silent_observer_has_all_that_a_worker_asks_of_the_two_it_stands_for():
    silent = Silent("pipeline", model="it", values={})
    Observers(silent, silent).on_slice(0, 1, 1, 0.1)
    for replaced in (PrometheusObserver, Report):
        own = {name for name in vars(replaced) if not name.startswith("_")}
        assert all(hasattr(silent, name) for name in own)
    assert hasattr(silent, "registry")
