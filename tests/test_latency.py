"""The latency benchmark: what is told of a load, and what is an error instead."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from benchmarks.latency import (
    BUDGETS,
    COMMITTED,
    EVERY,
    FLOOR,
    UNCOMMITTED,
    Phase,
    budget_table,
    highest_steady,
    percentiles,
    row,
    table,
)
from benchmarks.measuring import BenchmarkError

MS = 1_000_000
SENT = 1_800_000_000_000_000_000 + MS * np.arange(1, 101)
PHASE = Phase("10/s", 10.0, 100, int(SENT[0]), int(SENT[-1]), 0.05, 0.1)


def arrivals(delay_ms: float) -> np.ndarray:
    return np.stack([SENT, SENT + int(delay_ms * MS)])


def seen(**changed: np.ndarray) -> dict[str, np.ndarray]:
    usual = {
        FLOOR: arrivals(2)[:, ::4],
        UNCOMMITTED: arrivals(9.5)[:, ::4],
        COMMITTED: arrivals(80)[:, ::4],
        EVERY: arrivals(9_000),
    }
    return {**usual, **{name.replace("_", " "): value for name, value in changed.items()}}


def printed(shown: Any) -> str:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(shown)
    return capture.get()


def test_added_is_the_readers_percentile_less_the_floors():
    told = row(PHASE, seen(), most=1000.0)
    assert told["latency_ms"][FLOOR] == {"p50": 2.0, "p90": 2.0, "p99": 2.0, "max": 2.0}
    assert told["added_ms"][UNCOMMITTED]["p99"] == 7.5
    assert told["added_ms"][COMMITTED]["p50"] == 78.0
    assert told["events"] == 100


def test_only_what_was_sent_in_the_time_of_a_load_counts():
    every = np.concatenate([SENT - 1_000 * MS, SENT, SENT + 1_000 * MS])
    more = np.stack([every, every + 9_000 * MS])
    assert row(PHASE, seen(every_prediction=more), 1.0) == row(PHASE, seen(), 1.0)


@pytest.mark.parametrize(("reader", "sent"), [("every_prediction", 100), ("read_committed", 25)])
def test_a_missing_prediction_is_an_error(reader, sent):
    whole = seen()[reader.replace("_", " ")]
    with pytest.raises(BenchmarkError, match=f"{sent} events were sent, {sent - 1} of them"):
        row(PHASE, seen(**{reader: whole[:, 1:]}), 1.0)


def test_a_prediction_read_twice_is_an_error():
    whole = seen()[EVERY]
    twice = np.concatenate([whole, whole[:, :1]], axis=1)
    with pytest.raises(BenchmarkError, match="1 more than once"):
        row(PHASE, seen(every_prediction=twice), 1.0)


def test_an_idle_worker_has_a_cost_and_no_latency():
    idle = Phase("idle", 0.0, 0, 0, 10**10, 0.015, 0.1)
    told = row(idle, seen(), 1.0)
    assert told["worker_cores"] == 0.015
    assert "latency_ms" not in told
    assert "1.5%" in printed(table([told]))


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=200))
def test_percentiles_rise_and_end_with_the_largest(delays):
    told = percentiles(np.array(delays))
    assert list(told.values()) == sorted(told.values())
    assert told["max"] == round(max(delays), 2)


def with_figures(load: str, share: float) -> dict[str, Any]:
    """A row in which every figure is that share of its budget."""
    told: dict[str, Any] = {"load": load, "added_ms": {UNCOMMITTED: {}, COMMITTED: {}}}
    for budget in BUDGETS:
        if budget.load == load:
            *path, name = budget.figure
            place = told
            for step in path:
                place = place[step]
            place[name] = share * budget.most
    return told


def test_budgets_are_held_against_the_highest_load_the_client_itself_can_bear():
    def share(load, floor):
        return {"load": load, "latency_ms": {FLOOR: {"p99": floor}}}

    rows = [share("eighth of max", 8.0), share("quarter of max", 40.0), share("half of max", 300.0)]
    assert highest_steady(rows) == "quarter of max"
    assert highest_steady([*rows[:2], share("half of max", 45.0)]) == "half of max"
    assert highest_steady([share("half of max", 300.0)]) == "half of max"


@pytest.mark.parametrize("load", sorted({budget.load for budget in BUDGETS}))
def test_a_budget_is_kept_below_its_figure_and_exceeded_from_there(load):
    assert "exceeded" not in printed(budget_table([with_figures(load, 0.99)]))
    assert "kept" not in printed(budget_table([with_figures(load, 1.0)]))


def test_a_load_that_was_not_measured_has_no_budget():
    assert "kept" not in printed(budget_table([]))
