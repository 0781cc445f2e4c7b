from __future__ import annotations

import numpy as np
import pytest

from models.protocol import Plan
from streams.importance import Importance, unlikely


def weights(importance: Importance, *rows: int) -> list[float]:
    plan = Plan()
    plan.score(rows[0])
    plan.learn_each(rows, [1] * len(rows))
    importance.weigh(plan)
    assert plan.weight is not None
    return plan.weight.tolist()


def test_a_label_counts_one_over_its_propensity_and_once_where_that_is_missing():
    importance = Importance()
    importance.append([0.25, None])
    importance.append(np.array([np.nan, 1.0, 0.1]))
    assert weights(importance, 4, 0, 1, 2, 3) == [10.0, 4.0, 1.0, 1.0, 1.0]


def test_rows_that_are_dropped_make_room_and_the_others_stay():
    importance = Importance()
    for block in range(50):
        rows = np.arange(1_000) + 1_000 * block + 1
        importance.append(1.0 / rows)
        importance.drop_before(1_000 * block - 500)
    kept = [48_600, 49_999]
    assert weights(importance, *kept) == pytest.approx([48_601, 50_000])
    copy = Importance()
    copy.restore(importance.state(48_500))
    copy.append([0.5])
    assert weights(copy, *kept, 50_000) == pytest.approx([48_601, 50_000, 2])


def test_what_is_no_propensity_is_told():
    told = unlikely([0.0, 1.0, None, -1.0, 1.5, 1e-9])
    assert sorted(told) == [0, 3, 4]
    assert told[4].startswith("propensity 1.5: ")
