"""Chance drawn from ids is even, the same every time, and another with each seed."""

from __future__ import annotations

import numpy as np

from models.textcolumn import TextColumn
from streams.exploration import drawn

IDS = TextColumn.of([f"p{n}" for n in range(20_000)])


def test_numbers_are_even_and_the_same_wherever_the_column_is_cut():
    numbers = drawn(IDS, 7)
    counts, _ = np.histogram(numbers, 20, (0.0, 1.0))
    assert counts.sum() == 20_000
    assert abs(counts - 1_000).max() < 150
    assert drawn(IDS[100:200], 7).tolist() == numbers[100:200].tolist()


def test_seeds_have_nothing_in_common():
    numbers = [drawn(IDS, seed) for seed in (0, 1, 2)]
    correlations = np.corrcoef(numbers)[~np.eye(3, dtype=bool)]
    assert abs(correlations).max() < 0.03
