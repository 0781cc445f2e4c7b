"""The kernel against a plain Python model that learns one event at a time."""

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.kernels import ALL_GOOD, sigmoid, touched, walk
from models.optimizers import FTRL, SGD, AdaGrad
from models.protocol import LEARN, SCORE

BUCKETS = 8


class PlainModel:
    """The textbook, in dicts and floats: what `walk` promises to compute."""

    def __init__(self, optimizer, logistic, intercept, l1, l2):
        self.optimizer, self.logistic, self.intercept = optimizer, logistic, intercept
        self.l1, self.l2 = l1, l2
        self.weight = dict.fromkeys([*range(BUCKETS), "bias"], 0.0)
        self.squares = dict(self.weight)
        self.z = dict(self.weight)
        self.learned = 0

    def score(self, row):
        margin = math.fsum([self.weight[i] * v for i, v in row] + [self.weight["bias"]])
        return 1 / (1 + math.exp(-margin)) if self.logistic else margin

    def learn(self, row, target, weight=1.0):
        residual = (self.score(row) - target) * weight
        self.learned += 1
        for i, v in row:
            self.step(i, residual * v, self.l1, self.l2)
        if self.intercept:
            self.step("bias", residual, 0.0, 0.0)

    def step(self, i, g, l1, l2):
        o = self.optimizer
        if isinstance(o, FTRL):
            before = self.squares[i]
            self.squares[i] += g * g
            sigma = (math.sqrt(self.squares[i]) - math.sqrt(before)) / o.alpha
            self.z[i] += g - sigma * self.weight[i]
            if abs(self.z[i]) <= l1:
                self.weight[i] = 0.0
            else:
                rate = (o.beta + math.sqrt(self.squares[i])) / o.alpha + l2
                self.weight[i] = -(self.z[i] - math.copysign(l1, self.z[i])) / rate
            return
        if isinstance(o, AdaGrad):
            self.squares[i] += g * g
            rate = o.lr / (math.sqrt(self.squares[i]) + o.eps)
        else:
            rate = o.lr / math.sqrt(self.learned) if o.schedule == "sqrt" else o.lr
        moved = self.weight[i] - rate * g
        shrunk = math.copysign(max(abs(moved) - rate * l1, 0.0), moved)
        self.weight[i] = shrunk / (1 + rate * l2)


def walked(optimizer, rows, steps, logistic=True, intercept=True, l1=0.0, l2=0.0, weights=()):
    """Scores, table and counts after one call of the kernel."""
    table = np.zeros((BUCKETS + 1, optimizer.width))
    counts = np.zeros(2, np.int64)
    targets = [target for _, target in steps if target is not None]
    score = np.empty(len(steps) - len(targets))
    rate, smooth = optimizer.knobs()
    stopped = walk(
        np.array([SCORE if target is None else LEARN for _, target in steps], np.int8),
        np.array([row for row, _ in steps], np.int64),
        np.array(targets, np.float64),
        np.array(weights, np.float64),
        0,
        np.cumsum([0, *map(len, rows)]),
        np.array([i for row in rows for i, _ in row], np.int32),
        np.array([v for row in rows for _, v in row], np.float64),
        table,
        counts,
        logistic,
        intercept,
        optimizer.rule,
        rate,
        smooth,
        l1,
        l2,
        score,
        np.empty(0),
    )
    return stopped, score, table, counts


OPTIMIZERS = [SGD(0.1), SGD(0.3, "sqrt"), AdaGrad(0.1), FTRL(0.2, 0.5), FTRL(0.2, l1=0.3, l2=0.1)]
ROWS = st.lists(
    st.lists(st.tuples(st.integers(0, BUCKETS - 1), st.floats(-2, 2)), max_size=6),
    min_size=1,
    max_size=12,
)


@settings(deadline=None, max_examples=60)
@given(
    rows=ROWS,
    data=st.data(),
    logistic=st.booleans(),
    intercept=st.booleans(),
    penalties=st.sampled_from([(0.0, 0.0), (0.05, 0.0), (0.0, 0.2), (0.02, 0.1)]),
)
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_the_kernel_equals_learning_one_event_at_a_time(
    optimizer, rows, data, logistic, intercept, penalties
) -> None:
    number = st.integers(0, len(rows) - 1)
    label = st.none() | (st.sampled_from([0.0, 1.0]) if logistic else st.floats(-3, 3))
    steps = data.draw(st.lists(st.tuples(number, label), min_size=1, max_size=40))
    labels = sum(target is not None for _, target in steps)
    weight = st.lists(st.floats(0.1, 10), min_size=labels, max_size=labels)
    weights = data.draw(st.just([]) | weight)
    weight_of = iter(weights or [1.0] * labels)
    l1, l2 = (optimizer.l1, optimizer.l2) if isinstance(optimizer, FTRL) else penalties
    plain = PlainModel(optimizer, logistic, intercept, l1, l2)
    expected = []
    for row, target in steps:
        if target is None:
            expected.append(plain.score(rows[row]))
        else:
            plain.learn(rows[row], target, next(weight_of))

    stopped, score, table, counts = walked(
        optimizer, rows, steps, logistic, intercept, l1, l2, weights
    )

    assert stopped == ALL_GOOD
    np.testing.assert_allclose(score, expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(table[:, 0], list(plain.weight.values()), rtol=1e-9, atol=1e-9)
    assert counts.tolist() == [plain.learned, 0]


def test_entries_that_share_a_bucket_act_one_after_another() -> None:
    _, _, table, _ = walked(AdaGrad(0.1), [[(3, 1.0), (3, 1.0)]], [(0, 1.0)], intercept=False)
    once = 0.1
    assert table[3, 1] == 2 * 0.25
    assert table[3, 0] == pytest.approx(once + once / math.sqrt(2))


def test_an_l1_penalty_makes_weights_exactly_zero() -> None:
    steps = [(0, 1.0)]
    for optimizer, l1 in ((SGD(0.1), 1.0), (AdaGrad(0.1), 1.0), (FTRL(0.1, l1=1.0), 1.0)):
        _, _, table, _ = walked(optimizer, [[(0, 1.0)]], steps, l1=l1)
        assert table[0, 0] == 0.0
        assert table[BUCKETS, 0] != 0.0, "the intercept is not penalised"


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
@pytest.mark.parametrize("hostile", [1e200, 1e308, math.inf, math.nan])
def test_a_step_that_would_overflow_is_skipped_and_changes_nothing(optimizer, hostile) -> None:
    rows = [[(1, hostile)], [(1, 1.0), (2, -1.0)]]
    steps = [(0, 1.0), (0, None), (1, 1.0), (0, 1.0), (0, None), (1, None)]
    for logistic in (True, False):
        _, score, table, counts = walked(optimizer, rows, steps, logistic)
        _, calm, expected, _ = walked(optimizer, rows, [(1, 1.0), (1, None)], logistic)
        assert table.tobytes() == expected.tobytes()
        assert counts.tolist() == [1, 2]
        assert score[2] == calm[0]
        assert not np.isinf(score).any()


def test_a_target_that_is_no_number_is_skipped() -> None:
    _, _, table, counts = walked(AdaGrad(), [[(1, 1.0)]], [(0, math.nan), (0, math.inf)], False)
    assert not table.any()
    assert counts.tolist() == [0, 2]


@pytest.mark.parametrize("bucket", [BUCKETS, 2**31 - 1, -1, -(2**31)])
def test_a_bucket_outside_of_the_table_is_reported_not_read(bucket) -> None:
    stopped, *_ = walked(AdaGrad(), [[(0, 1.0)], [(bucket, 1.0)]], [(0, 1.0), (1, None)])
    assert stopped == 1


@given(st.floats(-40, 40))
def test_the_sigmoid_is_exact_to_four_units_in_the_last_place(margin) -> None:
    held = min(max(margin, -35.0), 35.0)
    with localcontext() as context:
        context.prec = 40
        exact = 1 / (1 + (-Decimal(held)).exp())
        error = abs(Decimal(sigmoid(margin)) - exact)
    assert error <= 4 * Decimal(math.ulp(float(exact)))


def test_a_probability_is_never_zero_or_one() -> None:
    assert 0.0 < sigmoid(-1e308) < sigmoid(0.0) == 0.5 < sigmoid(math.inf) < 1.0


def test_touched_lines_are_all_that_hold_anything() -> None:
    table = np.zeros((6, 2))
    table[1, 1] = table[4, 0] = -1e-300
    assert touched(table).tolist() == [1, 4]
