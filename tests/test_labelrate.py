"""Tests of models.labelrate: what may be declared, what it is called, and what a model reads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_rates import Step, streams

from models import LabelRate
from models.column import EVENT_TIME
from models.contributions import Witness, explained
from models.dictrows import DictRows
from models.encoders import HashedEncoder, NamedEncoder
from models.feature import FeatureError
from models.linear import Logistic
from models.memory import Memory
from models.named import flat, named
from models.protocol import Plan
from models.rows import Rows

law = settings(deadline=None)  # a first example compiles

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
RATES = [
    LabelRate(by="shop", over=["3s", "30s"], delay="8s", scale=None),
    LabelRate(by="shop", over=["9s"], delay="5s", stats="positives", name="sum", remember=3),
]


def encoded(encoder, rows, steps):
    """Encode events and learn labels in one batch."""
    plan, events = Plan(), [step for step in steps if step.label is None]
    for step in steps:
        if step.label is None:
            plan.score(step.row)
        else:
            plan.learn(step.row, step.label)
    columns = {
        "shop": [step.key for step in events],
        EVENT_TIME: [BEGIN + timedelta(seconds=step.at) for step in events],
    }
    encoder.append(columns, len(events), rows, plan)


@law
@given(streams(15))
def test_river_gets_the_same_numbers_by_name(steps):
    hashed, named_, rows, dicts = HashedEncoder(RATES, 18), NamedEncoder(RATES), Rows(), DictRows()
    encoded(hashed, rows, steps)
    encoded(named_, dicts, steps)
    names = [name for rate in RATES for name in rate.names]
    keys = [step.key for step in steps if step.label is None]
    for row, key in enumerate(keys):
        _, _, values = rows.window(row, row + 1)
        figures = {} if key is None else dict(zip(names, values.tolist(), strict=True))
        assert dicts[row] == figures
    assert hashed.summary() == named_.summary()


@law
@given(streams(15), st.integers(0, 30))
def test_a_restored_encoder_goes_on_to_the_bit(steps, cut):
    """Also of rows that it was not given itself, whose labels come later."""
    for make, kind in (
        (lambda: HashedEncoder(RATES, 18), Rows),
        (lambda: NamedEncoder(RATES), DictRows),
    ):
        first, second, expected, found = make(), make(), kind(), kind()
        encoded(first, kind(), steps[:cut])
        second.restore(first.state())
        encoded(first, expected, steps[cut:])
        encoded(second, found, steps[cut:])
        assert repr(found.state()) == repr(expected.state())
        assert repr(second.state()) == repr(first.state())


def test_numbers_are_named_after_what_they_are_of():
    rate = LabelRate(by="shop", over=["1d", "7d"], delay="7d")
    assert rate.names == (
        "labels-by-shop.count.1d",
        "labels-by-shop.count.7d",
        "labels-by-shop.rate.1d",
        "labels-by-shop.rate.7d",
    )
    assert (rate.slots, rate.fields, rate.numbers) == ("4", ("shop",), ())
    assert rate.describe()["delay"] == "7d"
    assert LabelRate(by="shop", over="1d", delay="1d", stats="rate").slots == "1"
    streak = LabelRate(by="shop", over=["1d", "7d"], delay="7d", stats=["streak", "count"])
    assert streak.names == (
        "labels-by-shop.streak",
        "labels-by-shop.count.1d",
        "labels-by-shop.count.7d",
    )


def test_a_streak_is_that_of_the_longest_window_wherever_that_is_declared():
    steps = [Step(0, "a", 0), Step(0, label=1), Step(1, "a", 6), Step(1, label=1), Step(2, "a", 16)]
    found = []
    for over in (["30s", "9s"], ["9s", "30s"]):
        rate = LabelRate(
            by="shop", over=over, delay="8s", stats=["since_positive", "streak"], scale=None
        )
        rows = Rows()
        encoded(HashedEncoder([rate], 18, slots=True), rows, steps)
        _, _, values = rows.window(2, 3)
        found.append(values.tolist())
    assert found == [[10.0, 16.0]] * 2


def test_without_plans_events_are_scored_and_nothing_is_known_of_them():
    memory, event = Memory(), {"shop": "a", EVENT_TIME: BEGIN}
    for _ in range(2):
        assert flat(named(RATES[:1], event, memory)) == dict.fromkeys(RATES[0].names, 0.0)
    assert flat(named(RATES[:1], {**event, "shop": None}, memory)) == {}


def test_a_rate_is_explained_by_the_bucket_it_was_hashed_into():
    encoder, rows, witness = HashedEncoder(RATES, 12, 3), Rows(), Witness(Logistic(12).new(0))
    for row, shop in enumerate(["a", None]):
        encoder.append({"shop": [shop], EVENT_TIME: [BEGIN]}, 1, rows)
        plan = Plan()
        plan.score(row)
        witness.run(plan, rows)
        found = explained(witness.seen, RATES, {"shop": shop}, seed=3).contributions
        assert [one.category for one in found] == [() if shop else (None,)] * 5


def declared(**changed):
    return LabelRate(**{"by": "shop", "over": ["1d"], "delay": "7d", **changed})


@pytest.mark.parametrize(
    ("make", "said", "write"),
    [
        (lambda: declared(delay="a week"), "'a week' is no duration", "delay='7d'"),
        (lambda: declared(over=["1 day"]), "'1 day' is no duration", "over=['1d'"),
        (lambda: declared(over=["1d", "1d"]), "different", "over=['1d'], "),
        (lambda: declared(stats=["mean"]), "stats is a list of 'count', 'posi", "stats=["),
        (lambda: declared(late="soon"), "'soon' is no duration", "late='1d'"),
        (lambda: declared(remember=0), "at least 1", "remember=1000000"),
        (lambda: declared(scale="logs"), "a scale is", "scale='log'"),
    ],
)
def test_a_rate_that_cannot_work_is_answered_with_one_that_can(make, said, write):
    with pytest.raises(FeatureError) as error:
        make()
    assert said in error.value.why
    assert write in error.value.write


def test_a_key_that_hardly_comes_twice_is_refused():
    with pytest.raises(FeatureError, match="a key is a str, an int or a bool"):
        declared().check({"shop": float})
