"""Figures and curves say what they were given, and a dash where there is nothing to say."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from streams.demo_figures import chart, figures, milliseconds


def printed(quality: dict[str, float]) -> list[list[str]]:
    console = Console(width=80)
    with console.capture() as captured:
        console.print(figures(quality))
    return [line.split() for line in captured.get().splitlines()]


def test_chance_is_the_base_rate_or_what_the_base_rate_alone_would_score():
    _, auc, precision, at_budget, log_loss = printed({"base_rate": 0.0081, "prior_log_loss": 0.047})
    assert (auc[-1], precision[-1], at_budget[-1], log_loss[-1]) == (
        "0.5000", "0.0081", "0.0081", "0.0470",
    )  # fmt: skip


def test_what_is_not_defined_is_a_dash():
    assert printed({"auc": math.nan})[1] == ["ROC", "AUC", "–", "–", "0.5000"]
    assert milliseconds(math.nan) == "–"
    assert milliseconds(1.2344) == "1,234 ms"


@given(st.lists(st.floats(0.0, 1.0), max_size=300), st.integers(1, 120), st.integers(1, 6))
def test_a_chart_has_its_size_and_grows_with_its_values(values, width, height):
    lines = chart(values, width, height)
    assert len(lines) == height
    assert {len(line) for line in lines} == {min(width, len(values))}
    if len(values) <= width:
        tall = [sum(" ▁▂▃▄▅▆▇█".index(row[n]) for row in lines) for n in range(len(values))]
        order = np.argsort(values, kind="stable")
        assert all(np.diff(np.array(tall)[order]) >= 0)
