from __future__ import annotations

import doctest
import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import linear_model, neighbors, tree

import models.averaged
from models import FTRL, SGD, AdaGrad, Averaged, Linear, Logistic, Pairwise, Undersampled, Weighted
from models.checks import check_model
from models.kernels import sigmoid
from models.protocol import Plan
from models.rows import Rows

PAIRS = {
    "coarse": Pairwise((3,), AdaGrad(0.1), bits=3),
    "fine": Pairwise((8,), AdaGrad(0.1), l2=0.0, bits=3),
    "slow": Pairwise((4,), AdaGrad(0.01), bits=3),
}
WEIGHTS = {"fine": 2.5}


def linear(**changed) -> Averaged:
    return Averaged(
        {"one": Logistic(bits=6), "other": Logistic(bits=6, optimizer=FTRL())}, **changed
    )


@pytest.mark.parametrize(
    "model",
    [
        linear(weights={"one": 3.0}),
        Averaged(PAIRS, weights=WEIGHTS),
        Averaged({"a": Linear(bits=6), "b": Linear(bits=6, optimizer=SGD(0.1))}),
        Averaged({"a": Undersampled(Logistic(bits=6), 0.5), "b": Logistic(bits=6)}),
        Averaged({"a": linear_model.LogisticRegression(), "b": tree.HoeffdingTreeClassifier()}),
    ],
    ids=["logistic", "pairwise", "linear", "wrapped", "river"],
)
def test_it_keeps_every_promise_of_a_model(model) -> None:
    check_model(model)


def test_the_example_in_its_documentation_is_true() -> None:
    assert doctest.testmod(models.averaged).failed == 0


def stream(n: int, seed: int) -> tuple[Rows, list[tuple[int, int | None]]]:
    """Rows of three numbers and a category, and steps: each scored, and learned five rows later."""
    draw, rows, steps = np.random.default_rng(seed), Rows(), []
    labels = draw.random(n) < 0.3
    for row, label in enumerate(labels.tolist()):
        numbers = draw.normal(2.0 * label, 1.0, 3)
        numbers[2] = math.nan if draw.random() < 0.1 else numbers[2]
        index = np.array([-1, -2, -3, draw.integers(8)], np.int32)
        rows.append(np.array([4]), index, np.array([*numbers, 1.0]))
        steps += [(row, None)]
        if row >= 5:
            steps += [(row - 5, int(labels[row - 5]))]
    return rows, steps


def plan(steps) -> Plan:
    made = Plan()
    for row, label in steps:
        made.score(row) if label is None else made.learn(row, label)
    return made


def log_odds(scores):
    return np.array([math.log(p / (1.0 - p)) for p in scores.tolist()])


@given(st.integers(0, 5), st.lists(st.floats(0.1, 10.0), min_size=3, max_size=3))
@settings(deadline=None, max_examples=15)
def test_the_score_is_the_weighted_mean_of_the_models_log_odds_to_the_bit(seed, weights) -> None:
    rows, steps = stream(300, seed)
    model = Averaged(PAIRS, weights=dict(zip(PAIRS, weights, strict=True)))
    each = [log_odds(one.new(0).run(plan(steps), rows).value) for one in PAIRS.values()]
    total = weights[0] * each[0] + weights[1] * each[1] + weights[2] * each[2]
    expected = [sigmoid(it) for it in (total / (weights[0] + weights[1] + weights[2])).tolist()]
    assert model.new(0).run(plan(steps), rows).value.tolist() == expected


def test_of_regressions_it_is_the_mean_of_their_predictions() -> None:
    rows, steps = Rows(), [(0, 3), (0, None)]
    rows.append(np.array([1]), np.array([2], np.int32), np.ones(1))
    parts = {"a": Linear(bits=6), "b": Linear(bits=6, optimizer=SGD(0.1))}
    each = [one.new(0).run(plan(steps), rows).value[0] for one in parts.values()]
    found = Averaged(parts, weights={"a": 3.0}).new(0).run(plan(steps), rows)
    assert found.value.tolist() == [(3.0 * each[0] + each[1]) / 4.0]
    assert found.decision is None


@given(st.lists(st.integers(0, 399), max_size=5), st.integers(0, 3))
@settings(deadline=None, max_examples=15)
def test_any_cut_of_the_stream_and_any_restart_gives_the_same_bits(cuts, seed) -> None:
    rows, steps = stream(400, seed)
    model = Averaged(PAIRS, weights=WEIGHTS)
    expected, wanted = model.new(0).weigh(plan(steps), rows)
    learner, scores, adds = model.new(0), [], []
    at = [0, *sorted(2 * cut for cut in cuts), len(steps)]
    for begin, end in itertools.pairwise(at):
        found, told = learner.weigh(plan(steps[begin:end]), rows)
        scores.append(found.value)
        adds.append(told)
        again = model.new(0)
        again.restore(learner.state())
        learner = again
    assert np.concatenate(scores).tobytes() == expected.value.tobytes()
    assert np.concatenate(adds).tobytes() == wanted.tobytes()


@pytest.mark.parametrize(
    "model",
    [
        Averaged(PAIRS, weights=WEIGHTS),
        # One inside the other: what is averaged can be averaged again.
        Averaged({"inner": Averaged(PAIRS), "other": Pairwise((5,), bits=3)}),
    ],
    ids=["flat", "nested"],
)
def test_what_entries_add_sums_to_the_log_odds_at_each_score(model) -> None:
    rows, steps = stream(300, 2)
    learner, asked, told = model.new(0), model.new(0), []
    for row, label in steps:
        if label is None:
            moment = asked.moment(row, rows)
            told += moment.adds.tolist()
        [*score] = asked.run(plan([(row, label)]), rows).value.tolist()
        if score:
            margin = math.fsum([moment.bias, *moment.adds])
            assert margin == pytest.approx(math.log(score[0] / (1 - score[0])), abs=1e-9)
    scores, adds = learner.weigh(plan(steps), rows)
    assert adds.tolist() == told
    assert scores.value.tobytes() == model.new(0).run(plan(steps), rows).value.tobytes()
    assert moment.usual is not None


def test_of_linear_models_the_weights_are_told_too() -> None:
    rows = Rows()
    rows.append(np.array([2]), np.array([3, 9], np.int32), np.array([0.5, 2.0]))
    learner = linear(weights={"one": 3.0}).new(0)
    learner.run(plan([(0, 1), (0, 1)]), rows)
    moment = learner.moment(0, rows)
    assert moment.weight * moment.x == pytest.approx(moment.adds, rel=1e-12)
    assert moment.buckets == 64


def test_a_model_without_an_answer_has_no_say() -> None:
    rows = Rows()
    huge = 1e200  # of which SGD's margin overflows as soon as it has learned, and FTRL's does not
    rows.append(np.array([1]), np.array([1], np.int32), np.array([1.0]))
    rows.append(np.array([1]), np.array([1], np.int32), np.array([huge]))
    parts = {"wild": Logistic(bits=6, optimizer=SGD(1e150)), "calm": Logistic(bits=6, l2=1.0)}
    steps = [(0, 1), (1, None)]
    alone = {name: one.new(0).run(plan(steps), rows).value[0] for name, one in parts.items()}
    assert math.isnan(alone["wild"])
    scores, adds = Averaged(parts).new(0).weigh(plan(steps), rows)
    assert scores.value.tolist() == pytest.approx([alone["calm"]], rel=1e-12)
    assert np.isfinite(adds).all()


def test_it_tells_what_its_models_tell() -> None:
    rows, steps = stream(100, 0)
    learner = Averaged(PAIRS).new(0)
    learner.run(plan(steps), rows)
    found = learner.summary()
    assert found["learned"] == found["learned_fine"] == 95
    assert found["norm_slow"] < found["norm_coarse"]
    assert learner.memory == sum(one.memory for one in learner._parts.values())


def test_the_description_is_every_model_with_its_weight() -> None:
    described = json.loads(json.dumps(Averaged(PAIRS, weights=WEIGHTS).describe()))
    assert described["weights"] == [1.0, 2.5, 1.0]
    assert [name for name, _ in described["models"]] == list(PAIRS)
    assert described["models"][1][1] == json.loads(json.dumps(PAIRS["fine"].describe()))
    assert described != json.loads(json.dumps(Averaged(PAIRS).describe()))


def test_what_models_cannot_do_the_ensemble_cannot() -> None:
    river = {"a": linear_model.LogisticRegression(), "b": neighbors.KNNClassifier()}
    assert not hasattr(Averaged(river).new(0), "weigh")
    assert hasattr(linear().new(0), "weigh")
    with pytest.raises(ValueError, match="takes no weight"):
        Weighted(Averaged(river), {1: 5.0})
    assert Weighted(linear(), {1: 5.0}).weighs


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Averaged({"one": Logistic()}), "or the model alone"),
        (lambda: Averaged({"a": Logistic(bits=4), "b": Logistic()}), "b has bits=20"),
        (lambda: Averaged({"a": Logistic(), "b": Linear()}), "b has kind='regression'"),
        (lambda: Averaged({"a": Pairwise(bits=20), "b": Logistic()}), "b has slots=False"),
        (lambda: linear(weights={"one": 0.0}), "each weight is a positive number"),
        (lambda: linear(weights={"none": 1.0}), "for one of one, other"),
    ],
)
def test_models_that_do_not_go_together_are_refused_with_what_to_write(make, words) -> None:
    with pytest.raises(ValueError, match=words):
        make()
