"""What a score is made of adds up to it."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import FTRL, SGD, Clock, Counts, Cross, Hashed, Linear, Logistic, Number, Text, Tokens
from models.contributions import Witness, explained
from models.encoders import HashedEncoder
from models.hashing import token
from models.protocol import Plan
from models.rows import Rows

FEATURES = [
    Number("amount", scale="standard"),
    Number("age", scale="log"),
    Hashed("shop"),
    Cross("shop", "country"),
    Clock("at", ["hour", "weekday"]),
    Tokens("tags"),
    Counts("parts"),
    Text("note", ngrams=(3, 3)),
]
TEXTS = st.one_of(st.none(), st.text(max_size=6))
NUMBERS = st.one_of(st.none(), st.floats(-1e6, 1e6))
EVENTS = st.fixed_dictionaries(
    {
        "amount": NUMBERS,
        "age": NUMBERS,
        "shop": TEXTS,
        "country": TEXTS,
        "at": st.one_of(st.none(), st.datetimes(timezones=st.just(UTC))),
        "tags": st.one_of(st.none(), st.lists(st.text(max_size=3), max_size=4)),
        "parts": st.one_of(
            st.none(), st.dictionaries(st.text(max_size=3), st.floats(-9, 9), max_size=4)
        ),
        "note": TEXTS,
    }
)


def encoded(events, bits):
    encoder, rows = HashedEncoder(FEATURES, bits), Rows()
    columns = {field: [event[field] for event in events] for field in encoder.fields}
    encoder.append(columns, len(events), rows)
    return rows


def odds(probability: float) -> float:
    return math.log(probability) - math.log1p(-probability)


@given(st.lists(EVENTS, min_size=1, max_size=8), st.data())
def test_contributions_and_intercept_sum_to_the_log_odds(events, data):
    bits = data.draw(st.integers(3, 12), label="bits")
    rows = encoded(events, bits)
    plan = Plan()
    for number in range(len(events) - 1):
        plan.learn(number, data.draw(st.booleans()))
    plan.score(len(events) - 1)
    plan.learn(len(events) - 1, True)  # what comes behind the score is none of its weights
    witness = Witness(Logistic(bits, FTRL(alpha=0.1)).new(0))
    [score] = witness.run(plan, rows).value
    found = explained(witness.seen, FEATURES, events[-1])
    margin = found.margin
    if abs(margin) < 12:  # beyond, a probability has too few digits left of its odds
        assert odds(score) == pytest.approx(margin, abs=1e-9)
    assert 1 / (1 + math.exp(-margin)) == pytest.approx(score, abs=1e-9)


@given(st.lists(EVENTS, min_size=1, max_size=5), st.integers(3, 20))
def test_every_entry_is_named_after_what_was_hashed_into_its_bucket(events, bits):
    rows, witness = encoded(events, bits), Witness(Logistic(bits).new(0))
    for number, event in enumerate(events):
        plan = Plan()
        plan.score(number)
        witness.run(plan, rows)
        for one in explained(witness.seen, FEATURES, event).contributions:
            categories = ["\udcff" if it is None else it for it in one.category]
            assert token(one.feature, categories, 0) & ((1 << bits) - 1) == one.bucket


@given(st.lists(EVENTS, min_size=2, max_size=8), st.lists(st.booleans(), min_size=8, max_size=8))
def test_a_watched_learner_answers_and_learns_what_it_would_have(events, labels):
    rows, plan = encoded(events, 8), Plan()
    for number, label in enumerate(labels[: len(events)]):
        plan.learn(max(number - 1, 0), label)
        plan.score(number)
    plain, watched = Logistic(8, SGD(0.1)).new(0), Logistic(8, SGD(0.1)).new(0)
    expected, found = plain.run(plan, rows), Witness(watched).run(plan, rows)
    assert found.value.tobytes() == expected.value.tobytes()
    assert list(found.decision) == list(expected.decision)
    assert watched.state()["line"].tobytes() == plain.state()["line"].tobytes()


def test_a_regression_is_the_sum_of_its_contributions():
    event = {
        "amount": 3.0, "age": 40.0, "shop": "x", "country": None, "note": "a note",
        "at": datetime(2026, 1, 1, tzinfo=UTC), "tags": ["a", "a"], "parts": {"b": 2.0},
    }  # fmt: skip
    rows, plan = encoded([event] * 3, 16), Plan()
    plan.score_then_learn(0, np.array([1.0, 2.0]))
    plan.score(2)
    witness = Witness(Linear(16).new(0))
    first = witness.run(plan, rows).value[0]
    assert explained(witness.seen, FEATURES, event).margin == first == 0.0
    last = Plan()
    last.score(2)
    [value] = witness.run(last, rows).value
    found = explained(witness.seen, FEATURES, event)
    assert found.margin == pytest.approx(value, abs=1e-9)
    assert [one.category for one in found.contributions if one.feature == "tags"] == [("a",)] * 2
    assert ("shop*country", ("x", None)) in [
        (it.feature, it.category) for it in found.contributions
    ]
