"""Whether a worker stays as it is, is said of its figures after the warm-up, and of each alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.measuring import BenchmarkError
from benchmarks.soak import BOUNDS, Sample, verdict

EVEN = [Sample(float(at), 300.0, 40, 900, 100, 5e4, 9.0, 80.0) for at in range(0, 600, 5)]


def leaking(name: str, by: float) -> list[Sample]:
    """The figure rises by so much in each sample."""
    return [replace(one, **{name: getattr(one, name) + by * n}) for n, one in enumerate(EVEN)]


def test_what_stays_as_it_is_is_flat():
    assert all(one["flat"] for one in verdict(EVEN).values())


@pytest.mark.parametrize(
    ("name", "by"),
    [("rss_mib", 0.5), ("fds", 1), ("series", 1), ("lag", 1_000), ("p50_ms", 1), ("p99_ms", 5)],
)
def test_what_rises_is_not_flat_and_nothing_else_is_blamed(name, by):
    found = verdict(leaking(name, by))
    assert {key for key, one in found.items() if not one["flat"]} == {name}
    assert found.keys() == BOUNDS.keys()


def test_warming_up_is_no_leak():
    warm = [replace(one, rss_mib=min(300.0, 100.0 + 2 * one.at_s)) for one in EVEN]
    assert verdict(warm)["rss_mib"]["flat"]


def test_less_is_flat_too():
    assert verdict(leaking("rss_mib", -0.5))["rss_mib"]["flat"]


def test_too_few_samples_say_nothing():
    with pytest.raises(BenchmarkError, match="too few"):
        verdict(EVEN[:2])
