from __future__ import annotations

import math

import numpy as np
import pytest
from river import linear_model, tree

from models import SGD, BySource, Linear, Logistic
from models.checks import check_model
from models.protocol import Plan
from models.rows import Rows


def twins(**changed) -> BySource:
    return BySource({"desk": Logistic(bits=6), "bank": Logistic(bits=6)}, "bank", **changed)


def rows(n: int) -> Rows:
    found = Rows()
    index = np.arange(n, dtype=np.int32) % 5
    found.append(np.ones(n, np.int64), index, np.ones(n))
    return found


def plan(*steps: tuple[int, int, int] | int) -> Plan:
    """Score a row; or learn a row, with a label, from a source."""
    made = Plan()
    for step in steps:
        if isinstance(step, int):
            made.score(step)
        else:
            made.learn(*step[:2])
    made.source = np.array([step[2] for step in steps if not isinstance(step, int)], np.int8)
    return made


@pytest.mark.parametrize(
    "model",
    [
        twins(),
        twins(average="log-odds", weights={"desk": 3.0}),
        BySource({"a": Linear(bits=6), "b": Linear(bits=6, optimizer=SGD(0.1))}, "a"),
        BySource(
            {"a": linear_model.LogisticRegression(), "b": tree.HoeffdingTreeClassifier()}, "b"
        ),
    ],
)
def test_it_keeps_the_promises_of_a_model(model):
    check_model(model)


def test_a_model_learns_the_labels_of_its_own_source_and_no_others():
    store, learner, alone = rows(4), twins().new(0), Logistic(bits=6).new(0)
    learner.run(plan((0, 1, 0), (1, 0, 1), (2, 1, 0)), store)
    own = Plan()
    own.learn_each([0, 2], [1, 1])
    alone.run(own, store)
    assert np.array_equal(learner.state()["parts"]["desk"]["line"], alone.state()["line"])
    assert learner.summary()["learned_from_desk"] == 2
    assert learner.summary()["learned_from_bank"] == learner.summary()["learned"] == 1


def answers(model: BySource) -> tuple[float, float, float]:
    """Of the average, and of each of two models, after a label each."""
    store = rows(3)
    steps = plan((0, 1, 0), (1, 0, 1), 0)
    each = []
    for source in (0, 1):
        alone, own = Logistic(bits=6).new(0), Plan()
        own.learn(source, 1 - source)
        own.score(0)
        each.append(float(alone.run(own, store).value[0]))
    return float(model.new(0).run(steps, store).value[0]), each[0], each[1]


def test_the_score_is_the_weighted_average_of_probabilities():
    found, desk, bank = answers(twins(weights={"desk": 3.0}))
    assert found == (3.0 * desk + bank) / 4.0


def test_or_of_log_odds():
    found, desk, bank = answers(twins(average="log-odds"))
    odds = [math.log(p / (1 - p)) for p in (desk, bank)]
    assert found == pytest.approx(1 / (1 + math.exp(-sum(odds) / 2)), abs=1e-12)


def test_a_model_that_has_learned_nothing_has_no_say():
    store, learner, alone = rows(2), twins().new(0), Logistic(bits=6).new(0)
    scores = learner.run(plan(0, (0, 1, 1), 0), store).value
    own = Plan()
    own.learn(0, 1)
    own.score(0)
    assert scores.tolist() == [0.5, float(alone.run(own, store).value[0])]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: BySource({"bank": Logistic()}, "bank"), "at least two sources"),
        (lambda: BySource({"a": Logistic(), "b": Logistic()}, "c"), "one of them learns every"),
        (lambda: BySource({"a": Logistic(bits=4), "b": Logistic()}, "a"), "a model with bits=4"),
        (lambda: twins(average="median"), '"probability" or "log-odds"'),
        (lambda: twins(weights={"bank": 0.0}), "each weight is a positive number"),
        (lambda: twins(weights={"banc": 1.0}), "for one of desk, bank"),
        (
            lambda: BySource({"a": Linear(), "b": Linear()}, "a", average="log-odds"),
            "regression has none",
        ),
    ],
)
def test_models_that_do_not_go_together_are_refused_with_what_to_write(make, words):
    with pytest.raises(ValueError, match=words):
        make()
