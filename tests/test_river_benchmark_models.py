"""River's published benchmark, model by model, through our adapter: the same six digits."""

import pytest

from benchmarks.river_table import DATASETS, RIVER_TABLE
from models.adapter import adapt
from models.dictrows import DictRows
from models.protocol import Plan

CASES = [(data, model) for data, models in RIVER_TABLE.items() for model in models]
SLICE = 97


@pytest.mark.parametrize(("data", "name"), CASES)
def test_the_published_accuracy_is_reached_to_six_digits(data, name) -> None:
    factory, published = RIVER_TABLE[data][name]
    learner, rows = adapt(factory()).new(seed=0), DictRows()
    events = list(DATASETS[data]())
    right = answered = 0
    for start in range(0, len(events), SLICE):
        slice_ = events[start : start + SLICE]
        plan = Plan()
        plan.score_then_learn(rows.append([x for x, _ in slice_]), [y for _, y in slice_])
        decisions = learner.run(plan, rows).decision
        rows.drop_before(rows.next)
        for decision, (_, y) in zip(decisions, slice_, strict=True):
            answered += decision is not None
            right += decision == y
    assert f"{right / answered:.6f}" == f"{published:.6f}"
