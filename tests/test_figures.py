"""Figures are printed with what to hold them against, and never an accuracy that says nothing."""

from __future__ import annotations

import math

import numpy as np
from rich.console import Console

from models.quality import Quality
from streams.figures import apart, table


def printed(shown) -> str:
    console = Console(width=200, force_terminal=False)
    with console.capture() as capture:
        console.print(shown)
    return capture.get()


def quality(share: float) -> dict[str, float]:
    random = np.random.default_rng(1)
    target = random.random(2_000) < share
    score = np.clip(target / 3 + random.random(2_000) / 1.5, 0, 1)
    found = Quality("binary")
    found.update(score, score > 0.5, target, np.full(2_000, 7 * 86_400.0))
    return found.summary()


def test_a_figure_has_its_interval_and_its_baseline_beside_it():
    figures = quality(0.02)
    text = printed(table(figures))
    [line] = [line for line in text.splitlines() if line.strip().startswith("average precision")]
    for name in ("average_precision", "average_precision_low", "average_precision_high"):
        assert f"{figures[name]:.4f}" in line
    assert f"{figures['base_rate']:.4f} by chance" in line
    assert "7.0 days" in text


def test_accuracy_is_shown_where_both_outcomes_are_frequent_and_there_alone():
    assert "accuracy" not in printed(table(quality(0.01)))
    figures = quality(0.4)
    assert f"{figures['no_change_accuracy']:.4f} by the one before" in printed(table(figures))


def test_what_is_not_defined_is_left_out():
    text = printed(table({"labels": 0, "auc": math.nan}))
    assert "AUC" not in text
    assert "card" not in text


def test_each_value_has_a_line():
    segments = {
        ("country", "AT"): {"labels": 1200, "auc": 0.9, "average_precision": math.nan},
        ("country", "other"): {"labels": 7, "auc": math.nan, "average_precision": math.nan},
    }
    assert [line.split() for line in printed(apart(segments)).splitlines()] == [
        ["labels", "auc"],
        ["country", "AT", "1,200", "0.9000"],
        ["country", "other", "7", "–"],
    ]
