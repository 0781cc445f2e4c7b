import numpy as np

from models.protocol import LEARN, SCORE, Plan


def test_a_run_of_scores_is_the_same_plan_as_one_at_a_time() -> None:
    bulk, single = Plan(), Plan()
    bulk.score_run(5, 3)
    for row in (5, 6, 7):
        single.score(row)
    assert bulk == single


def test_labels_that_came_with_their_events_are_learned_right_after_the_score() -> None:
    bulk, single = Plan(), Plan()
    bulk.score_then_learn(9, [True, False])
    for row, target in ((9, True), (10, False)):
        single.score(row)
        single.learn(row, target)
    assert bulk == single
    assert list(bulk.op) == [SCORE, LEARN, SCORE, LEARN]
    assert list(bulk.row) == [9, 9, 10, 10]
    assert bulk.target == [True, False]


def test_labels_that_came_later_are_learned_in_the_order_given() -> None:
    bulk, single = Plan(), Plan()
    bulk.learn_each([7, 3, 7], [1.5, 2.5, 0.5])
    for row, target in ((7, 1.5), (3, 2.5), (7, 0.5)):
        single.learn(row, target)
    assert bulk == single


def test_a_plan_grows_after_a_bulk_step() -> None:
    plan = Plan()
    plan.score_run(0, 0)
    plan.score_run(0, 2)
    plan.learn(1, 0)
    plan.score_then_learn(2, [])
    assert len(plan) == 3


def test_steps_that_are_laid_out_already_are_appended_as_they_are() -> None:
    op, row = np.array([SCORE, LEARN, LEARN], np.int8), np.array([4, 4, 2])
    bulk, single = Plan(), Plan()
    bulk.extend(op, row, np.array([1, 0]))
    assert isinstance(bulk.target, np.ndarray)
    bulk.extend(op, row, [True, 0.5])
    for targets in ((1, 0), (True, 0.5)):
        single.score(4)
        single.learn(4, targets[0])
        single.learn(2, targets[1])
    assert bulk == single


def test_a_part_of_a_plan_takes_along_what_belongs_to_its_steps():
    plan = Plan()
    plan.score_then_learn(5, [1, 0, 1])
    plan.source = np.array([0, 1, 1], np.int8)
    plan.weight = np.array([1.0, 2.0, 3.0])
    part = plan.only(np.array([True, False, True, True, False, True]))
    assert part.op.tolist() == [SCORE, SCORE, LEARN, LEARN]
    assert part.row.tolist() == [5, 6, 6, 7]
    assert list(part.target) == [0, 1]
    assert part.source is not None
    assert part.weight is not None
    assert (part.source.tolist(), part.weight.tolist()) == ([1, 1], [2.0, 3.0])
