import numpy as np
import pytest

from models.column import listed
from models.linear_learner import LinearLearner
from models.optimizers import FTRL, SGD, AdaGrad
from models.protocol import Plan
from models.rows import Rows


def window(*rows: list[tuple[int, float]]) -> Rows:
    made = Rows()
    for row in rows:
        index, value = np.array([i for i, _ in row], np.int32), np.array([v for _, v in row])
        made.append(np.array([len(row)]), index, value)
    return made


def taught(optimizer=AdaGrad(), bits: int = 20) -> LinearLearner:  # noqa: B008 - it is frozen
    learner = LinearLearner("binary", bits, optimizer)
    plan = Plan()
    plan.score_then_learn(0, [True, False])
    learner.run(plan, window([(3, 1.0), (8, -1.0)], [(3, 1.0)]))
    return learner


def test_an_empty_plan_has_no_answers() -> None:
    scores = LinearLearner("binary", 4, AdaGrad()).run(Plan(), Rows())
    assert scores.value.tolist() == []
    assert listed(scores.decision) == []


def test_the_decision_is_the_likelier_class_and_false_at_one_half() -> None:
    plan = Plan()
    plan.score(0)
    plan.learn(0, True)
    plan.score(0)
    scores = LinearLearner("binary", 4, AdaGrad()).run(plan, window([(1, 1.0)]))
    assert scores.value[0] == 0.5
    assert listed(scores.decision) == [False, True]


def test_a_score_that_is_not_finite_is_no_answer_and_no_decision() -> None:
    learner = LinearLearner("binary", 4, SGD(1e3))
    plan = Plan()
    plan.learn(0, True)
    plan.score_run(0, 2)
    scores = learner.run(plan, window([(1, 1e3)], [(1, 1e308)]))
    assert scores.decision == [True, None]
    assert np.isnan(scores.value[1])


def test_an_image_of_a_large_table_holds_the_touched_weights_only() -> None:
    image = taught(bits=20).state()
    assert image["at"].tolist() == [3, 8, 2**20]
    assert image["line"].shape == (3, 2)


def test_restoring_forgets_what_was_learned_before() -> None:
    learner = taught()
    blank = LinearLearner("binary", 20, AdaGrad())
    learner.restore(blank.state())
    assert learner.summary() == blank.summary()
    assert len(learner.state()["at"]) == 0


@pytest.mark.parametrize("other", [{"optimizer": FTRL()}, {"bits": 2}])
def test_a_state_of_another_declaration_is_refused(other) -> None:
    declared = {"bits": 20, "optimizer": AdaGrad(), **other}
    with pytest.raises(
        ValueError, match="restore it into the model that made it, or start without"
    ):
        LinearLearner("binary", **declared).restore(taught().state())


def test_a_row_outside_of_the_window_is_refused_before_anything_is_learned() -> None:
    rows = window([(1, 1.0)], [(2, 1.0)])
    rows.drop_before(1)
    plan = Plan()
    plan.learn(1, True)
    plan.score(0)
    learner = LinearLearner("binary", 4, AdaGrad())
    with pytest.raises(IndexError, match="the plan reads rows 0 to 1, and the window holds 1 to 1"):
        learner.run(plan, rows)
    assert learner.summary()["learned"] == 0


def test_rows_of_more_bits_than_the_model_has_are_refused() -> None:
    plan = Plan()
    plan.score(0)
    with pytest.raises(ValueError, match=r"beyond 16, and the model has bits=4: give the encoder"):
        LinearLearner("binary", 4, AdaGrad()).run(plan, window([(16, 1.0)]))


def test_the_summary_counts_labels_and_weights() -> None:
    summary = taught().summary()
    assert summary["learned"] == 2
    assert summary["skipped"] == 0
    assert summary["weights"] == 3
    assert summary["norm"] > 0


@pytest.mark.parametrize(("optimizer", "width"), [(SGD(), 1), (AdaGrad(), 2), (FTRL(), 3)])
def test_memory_is_eight_bytes_a_number_for_each_bucket_and_the_intercept(optimizer, width) -> None:
    assert LinearLearner("regression", 10, optimizer).memory == 8 * width * (2**10 + 1)
