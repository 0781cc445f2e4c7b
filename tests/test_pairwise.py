import copy
import doctest
import itertools
import json
import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from river import checks

import models.pairwise
from models.checks import check_model
from models.edges import cut_anew, empty, note, place
from models.optimizers import FTRL, AdaGrad
from models.pairwise import Pairwise
from models.protocol import Plan
from models.rows import Rows

MODELS = [
    Pairwise(bits=6),
    Pairwise(bins=(3,), bits=4, l2=0.0),
    Pairwise(bins=(8, 5), bits=3),
    Pairwise(bits=6, l2=0.3, l2_alone=0.001, prior=0.01),
]


@pytest.mark.usefixtures("_sklearn")
def test_it_is_a_river_estimator_by_rivers_own_checks() -> None:
    checks.check_estimator(Pairwise(bits=8))


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_it_keeps_every_promise_of_a_model(model) -> None:
    check_model(model, events=1_500)


def test_the_examples_in_its_documentation_are_true() -> None:
    assert doctest.testmod(models.pairwise).failed == 0


class Plain:
    """The same model, one number after another; see the docstring of `Pairwise`."""

    def __init__(self, model: Pairwise) -> None:
        self.model = model
        log_odds = math.log(model.prior / (1 - model.prior))
        self.weights = [{"intercept": (log_odds, 0.0)} for _ in model.bins]
        self.learned: list[tuple[list[float], int]] = []
        self.cuts: list[list[float]] | None = None
        self.due = 50

    def score(self, numbers: list[float], categories: dict[int, float]) -> float:
        margins = [self._margin(m, numbers, categories) for m in range(len(self.model.bins))]
        return 1 / (1 + math.exp(-sum(margins) / len(margins)))

    def learn(self, numbers: list[float], categories: dict[int, float], label: bool) -> None:
        for m, weights in enumerate(self.weights):
            residual = 1 / (1 + math.exp(-self._margin(m, numbers, categories))) - label
            for key, x in self._terms(m, numbers, categories):
                weight, squares = weights.get(key, (0.0, 0.0))
                squares += (residual * x) ** 2
                pace = self.model.optimizer.lr / (math.sqrt(squares) + self.model.optimizer.eps)
                alone = key[0] == "number" and self.model.l2_alone is not None
                l2 = self.model.l2_alone if alone else self.model.l2
                shrink = 1.0 if key == "intercept" else 1 + pace * l2
                weights[key] = (weight - pace * residual * x) / shrink, squares
        self.learned.append((numbers, label))
        if len(self.learned) >= self.due:
            self.due = int(len(self.learned) * 1.5) + 1
            self.cuts = [self._cut(number) for number in range(len(numbers))]

    def _cut(self, number: int) -> list[float]:
        """Quantiles of a list in which the labels' weights are as declared."""
        share, finest = self.model.positives, max(self.model.bins)
        by = [[x[number] for x, y in self.learned if y == label] for label in (0, 1)]
        by = [sorted(x for x in values if not math.isnan(x)) for values in by]
        every = sorted(by[0] + by[1])
        cuts = []
        for cut in range(1, finest):
            for x in every:
                below = (1 - share) * sum(v <= x for v in by[0]) / len(by[0])
                below += share * sum(v <= x for v in by[1]) / len(by[1])
                if below >= cut / finest - 1e-12:
                    cuts.append(x)
                    break
        return cuts

    def _terms(self, m: int, numbers: list[float], categories: dict[int, float]):
        size, finest = self.model.bins[m], max(self.model.bins)
        bins = []
        for number, x in enumerate(numbers):
            fine = 0 if self.cuts is None else sum(cut < x for cut in self.cuts[number])
            bins.append("missing" if math.isnan(x) else fine * size // finest)
        for one in range(len(bins)):
            yield ("number", one, bins[one]), 1.0
            for other in range(one):
                yield ("pair", one, other, bins[one], bins[other]), 1.0
        for bucket, x in categories.items():
            yield ("category", bucket), x
        yield "intercept", 1.0

    def _margin(self, m: int, numbers: list[float], categories: dict[int, float]) -> float:
        weights = self.weights[m]
        return math.fsum(
            weights.get(key, (0.0,))[0] * x for key, x in self._terms(m, numbers, categories)
        )


def stream(n: int, seed: int) -> list[tuple[list[float], dict[int, float], bool]]:
    """Three numbers, the first with ties, the last missing now and then, and a category."""
    draw = np.random.default_rng(seed)
    events = []
    for _ in range(n):
        numbers = [float(draw.integers(5)), draw.normal(), draw.exponential()]
        if draw.random() < 0.1:
            numbers[2] = math.nan
        category = int(draw.integers(8))
        risk = (numbers[0] > 3) ^ (numbers[1] > 0) or category == 3
        events.append((numbers, {category: 1.0}, bool(draw.random() < (0.6 if risk else 0.1))))
    return events


def appended(rows: Rows, numbers: list[float], categories: dict[int, float]) -> int:
    index = [*(-1 - slot for slot in range(len(numbers))), *categories]
    values = np.array([*numbers, *categories.values()])
    return rows.append(np.array([len(index)]), np.array(index, np.int32), values)


FAST = AdaGrad(0.1)


@pytest.mark.parametrize(
    "model",
    [
        Pairwise((4, 12), FAST, bits=3),
        Pairwise((6,), FAST, l2=0.0, bits=3),
        Pairwise((6,), FAST, l2=0.3, l2_alone=0.001, prior=0.2, bits=3),
    ],
)
def test_it_scores_as_the_plain_model_does(model) -> None:
    plain, learner, rows, plan, expected = Plain(model), model.new(0), Rows(), Plan(), []
    for numbers, categories, label in stream(1_300, 7):
        row = appended(rows, numbers, categories)
        plan.score(row)
        plan.learn(row, label)
        expected.append(plain.score(numbers, categories))
        plain.learn(numbers, categories, label)
    scores = learner.run(plan, rows).value
    assert plain.due > 1_125  # cut more than once
    np.testing.assert_allclose(scores, expected, rtol=1e-9)
    assert np.std(scores[-300:]) > 0.1


def test_a_fresh_model_answers_with_its_prior() -> None:
    model, rows, plan = Pairwise(prior=0.01, bits=3), Rows(), Plan()
    plan.score(appended(rows, [1.0, math.nan], {3: 1.0}))
    assert model.new(0).run(plan, rows).value[0] == pytest.approx(0.01)


def test_a_model_without_prior_or_penalty_of_its_own_is_described_as_it_always_was() -> None:
    assert not {"prior", "l2_alone"} & set(Pairwise().describe())
    told = Pairwise(prior=0.01, l2_alone=0.0).describe()
    assert (told["prior"], told["l2_alone"]) == (0.01, 0.0)


def test_it_learns_what_no_linear_model_can() -> None:
    right = 0
    model, events = Pairwise(optimizer=FAST, l2=0.001, bits=3, positives=0.5), stream(6_000, 1)
    for place_, (numbers, categories, _) in enumerate(events):
        x = {"a": numbers[0], "b": numbers[1], "c": None if math.isnan(numbers[2]) else numbers[2]}
        x["shop"] = f"shop-{next(iter(categories))}"
        risky = (numbers[0] > 3) ^ (numbers[1] > 0)
        if place_ >= 5_000:
            right += model.predict_one(x) == risky
        model.learn_one(x, risky)
    assert right > 950


@given(st.lists(st.integers(0, 699), max_size=5), st.integers(0, 3))
@settings(deadline=None, max_examples=20)
def test_any_cut_of_the_stream_gives_the_same_bits(cuts, seed) -> None:
    rows, steps = Rows(), []
    for numbers, categories, label in stream(700, seed):
        row = appended(rows, numbers, categories)
        steps += [(row, None)]
        if row >= 7:
            steps += [(row - 7, label)]

    def run(learner, some) -> NDArray[np.float64]:
        plan = Plan()
        for row, target in some:
            plan.score(row) if target is None else plan.learn(row, target)
        return learner.run(plan, rows).value

    whole = MODELS[2].new(0)
    expected = run(whole, steps)
    learner, found = MODELS[2].new(0), []
    at = [0, *sorted(2 * cut for cut in cuts), len(steps)]
    for begin, end in itertools.pairwise(at):
        found.append(run(learner, steps[begin:end]))
        again = MODELS[2].new(0)
        again.restore(learner.state())
        learner = again
    assert np.concatenate(found).tobytes() == expected.tobytes()
    mine, its = learner.state(), whole.state()
    assert mine["line"].tobytes() == its["line"].tobytes()
    assert mine["edges"]["cuts"].tobytes() == its["edges"]["cuts"].tobytes()


@given(st.lists(st.tuples(st.floats(-50, 50), st.booleans()), min_size=1, max_size=200))
@settings(deadline=None)
def test_cuts_are_quantiles_of_the_mixture(learned) -> None:
    edges = empty(1, 8)
    for x, label in learned:
        note(edges, int(label), np.array([x]))
    cut_anew(edges, 0.75)
    cuts = edges.cuts[0]
    both = [[x for x, label in learned if label is which] for which in (False, True)]
    share = {(True, True): 0.75, (True, False): 0.0, (False, True): 1.0}[
        bool(both[0]), bool(both[1])
    ]
    for number, cut in enumerate(cuts, 1):
        for strictly, compare in ((True, float.__lt__), (False, float.__le__)):
            below = sum(
                weight * sum(compare(x, float(cut)) for x in xs) / len(xs)
                for weight, xs in zip((1 - share, share), both, strict=True)
                if xs
            )
            if strictly:
                assert below < number / 8 + 1e-9
            else:
                assert below > number / 8 - 1e-9
    assert place(edges, 0, math.nan) == 8
    assert place(edges, 0, 1e99) == 7
    assert place(edges, 0, -1e99) == 0


def test_a_sample_is_spread_over_all_there_was() -> None:
    edges = empty(1, 4)
    for x in range(50_000):
        note(edges, 0, np.array([float(x)]))
    kept = edges.sample[0, : edges.seen[0, 0], 0]
    assert len(kept) > 4_000
    assert (np.diff(kept) == edges.seen[0, 2]).all()
    assert kept[0] == 0


def test_pickled_and_copied_estimators_go_on_as_the_original() -> None:
    model = Pairwise(bits=8)
    for numbers, _, label in stream(600, 0):
        model.learn_one({"a": numbers[0], "b": numbers[1]}, label)
    for twin in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        x = {"b": 0.5, "a": 4.0}
        assert twin.predict_proba_one(x) == model.predict_proba_one(x)


def test_the_description_is_every_hyper_parameter() -> None:
    described = Pairwise(bins=[4, 8], l2=0.5, seed=3).describe()
    assert json.loads(json.dumps(described)) == {
        "model": "Pairwise",
        "bins": [4, 8],
        "optimizer": {"name": "AdaGrad", "lr": 0.02, "eps": 1e-8},
        "l2": 0.5,
        "positives": 0.75,
        "bits": 18,
        "seed": 3,
    }


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Pairwise(bins=()), r"write Pairwise\(bins=\(6, 24\)\)"),
        (lambda: Pairwise(bins=(1,)), "from 2 to 64"),
        (lambda: Pairwise(bits=40), r"write Pairwise\(bits=18\)"),
        (lambda: Pairwise(positives=2), "a share, from 0 to 1"),
        (lambda: Pairwise(prior=0.0), "write Pairwise\\(prior=0.01\\)"),
        (lambda: Pairwise(l2_alone=-1.0), "l2_alone=-1.0"),
        (lambda: Pairwise(l2=-1), r"write Pairwise\(l2=0.0\) for none"),
        (lambda: Pairwise(optimizer=FTRL()), r"write Pairwise\(optimizer=AdaGrad\(0.02\)\)"),
    ],
)
def test_what_cannot_work_says_what_to_write(make, says) -> None:
    with pytest.raises((ValueError, TypeError), match=says):
        make()


def test_what_entries_add_is_the_log_odds_and_is_told_as_it_was_at_each_score() -> None:
    model, rows, plan, told = Pairwise((4, 9), FAST, bits=3), Rows(), Plan(), []
    learner, asked = model.new(0), model.new(0)
    for numbers, categories, label in stream(400, 3):
        row = appended(rows, numbers, categories)
        plan.score(row)
        plan.learn(row, label)
        moment = asked.moment(row, rows)
        told += moment.adds.tolist()
        one = Plan()
        one.score(row)
        one.learn(row, label)
        [score] = asked.run(one, rows).value.tolist()
        margin = math.fsum([moment.bias, *moment.adds])
        assert margin == pytest.approx(math.log(score / (1 - score)), abs=1e-9)
        assert np.isnan(moment.usual).tolist() == [row == 0] * 3 + [True] or row < 30
    scores, adds = learner.weigh(plan, rows)
    assert adds.tolist() == told
    assert scores.value.tobytes() == model.new(0).run(plan, rows).value.tobytes()


def test_rows_of_another_model_are_refused() -> None:
    rows, learner, plan = Rows(), Pairwise(bits=2).new(0), Plan()
    appended(rows, [1.0, 2.0], {})
    appended(rows, [1.0, 2.0, 3.0], {})
    plan.score_run(0, 2)
    with pytest.raises(ValueError, match="a number beyond the first row's 2"):
        learner.run(plan, rows)


def test_its_step_can_be_set() -> None:
    assert Pairwise(optimizer=AdaGrad(0.5)).describe() != Pairwise().describe()
