"""Tests of models.window: what may be declared, what it is called, and what a model reads."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import Window
from models.column import EVENT_TIME
from models.contributions import Witness, explained
from models.dictrows import DictRows
from models.encoders import HashedEncoder, NamedEncoder
from models.feature import FeatureError
from models.hashing import token
from models.linear import Logistic
from models.memory import Memory
from models.named import flat, hash_row, named
from models.protocol import Plan
from models.rows import Rows

law = settings(deadline=None)  # a first example compiles

TYPES = {"amount": float, "card": str, "shop": int, "tags": list[str]}
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
ALL = ["count", "sum", "mean", "std", "min", "max", "distinct", "ratio", "since_last", "first_seen"]

EVENTS = st.lists(
    st.fixed_dictionaries(
        {
            "amount": st.none() | st.floats(-1e6, 1e6).filter(lambda x: x == 0 or abs(x) > 1e-60),
            "card": st.sampled_from([None, "", "b"]),
            "shop": st.none() | st.integers(0, 3),
            EVENT_TIME: st.integers(0, 90).map(lambda n: BEGIN + timedelta(seconds=n)),
        }
    ),
    max_size=12,
)
FEATURES = st.lists(
    st.one_of(
        st.builds(
            Window,
            st.just("amount"),
            by=st.sampled_from(["card", "shop"]),
            over=st.sampled_from([["10s"], ["5s", "1m"]]),
            stats=st.lists(st.sampled_from(ALL), min_size=1, unique=True),
            late=st.sampled_from(["3s", "1d"]),
            remember=st.sampled_from([2, 100]),
            scale=st.sampled_from([None, "log", "standard"]),
        ),
        st.just(Window("shop", by="card", over=["30s"], stats=["distinct"])),
        st.just(Window("card", by="shop", over=["30s"], stats=["distinct", "count"])),
        st.just(Window(by="card", over=["30s"], stats=["count", "since_last"], scale=None)),
    ),
    max_size=3,
    unique_by=lambda window: window.name,
)


def columns_of(events):
    return {name: [event[name] for event in events] for name in ("amount", "card", "shop", "@")}


@law
@given(FEATURES, EVENTS, st.integers(0, 12))
def test_columns_in_any_cut_make_the_rows_that_single_events_make(features, events, cut):
    encoder, rows, memory = HashedEncoder(features, 18, 7), Rows(), Memory()
    for part in (events[:cut], events[cut:]):
        encoder.append(columns_of(part), len(part), rows)
    for number, event in enumerate(events):
        _, index, value = rows.window(number, number + 1)
        expected = hash_row(named(features, event, memory), 18, 7)
        assert index.tolist() == expected[0].tolist()
        assert value.tobytes() == expected[1].tobytes()


@law
@given(FEATURES, EVENTS, EVENTS, EVENTS)
def test_a_restored_encoder_goes_on_to_the_bit(features, before, other, after):
    for make, kind in (
        (lambda: HashedEncoder(features, 18), Rows),
        (lambda: NamedEncoder(features), DictRows),
    ):
        first, second, expected, found = make(), make(), kind(), kind()
        first.append(columns_of(before), len(before), kind())
        second.append(columns_of(other), len(other), kind())
        second.restore(first.state())
        first.append(columns_of(after), len(after), expected)
        second.append(columns_of(after), len(after), found)
        assert repr(found.state()) == repr(expected.state())
        assert second.summary() == first.summary()


@law
@given(FEATURES, EVENTS)
def test_river_gets_the_same_numbers_by_name(features, events):
    encoder, rows, memory = NamedEncoder(features), DictRows(), Memory()
    encoder.append(columns_of(events), len(events), rows)
    assert [rows[n] for n in range(rows.next)] == [
        flat(named(features, event, memory)) for event in events
    ]


@law
@given(FEATURES, EVENTS)
def test_every_figure_is_explained_by_the_bucket_it_was_hashed_into(features, events):
    encoder, rows, witness = HashedEncoder(features, 12, 3), Rows(), Witness(Logistic(12).new(0))
    encoder.append(columns_of(events), len(events), rows)
    for number, event in enumerate(events):
        plan = Plan()
        plan.score(number)
        witness.run(plan, rows)
        fields = {name: value for name, value in event.items() if name != EVENT_TIME}
        for one in explained(witness.seen, features, fields, seed=3).contributions:
            categories = ["\udcff" if it is None else it for it in one.category]
            assert token(one.feature, categories, 3) & 0xFFF == one.bucket


def test_numbers_are_named_after_what_they_are_of():
    feature = Window(
        "amount", by="card", over=["1d", "7d"], stats=["count", "ratio", "since_last"], scale="log"
    )
    memory = Memory()
    first = {"amount": 9.0, "card": "a", EVENT_TIME: BEGIN}
    second = {"amount": 18.0, "card": "a", EVENT_TIME: BEGIN + timedelta(hours=25)}
    assert named([feature], first, memory) == {
        "amount-by-card.count.1d": math.log1p(1),
        "amount-by-card.count.7d": math.log1p(1),
        "amount-by-card.ratio.1d": None,
        "amount-by-card.ratio.7d": None,
        "amount-by-card.since_last": None,
    }
    assert named([feature], second, memory) == {
        "amount-by-card.count.1d": math.log1p(1),
        "amount-by-card.count.7d": math.log1p(2),
        "amount-by-card.ratio.1d": None,
        "amount-by-card.ratio.7d": math.log1p(2.0),
        "amount-by-card.since_last": math.log1p(25 * 3600),
    }
    assert feature.slots == "5"
    assert feature.fields == ("amount", "card")
    assert Window(by="card", over="1h", stats="count").name == "events-by-card"


def test_an_encoder_tells_what_its_windows_hold_and_have_lost():
    encoder = HashedEncoder([Window(by="card", over=["1h"], stats=["count"], remember=2)], 10)
    times = np.array([0, 1, 2, 3, 4], "datetime64[s]").astype("datetime64[us]")
    encoder.append({"card": list("abcab"), EVENT_TIME: times}, 5, Rows())
    assert encoder.summary() == {
        "window_events": 2,
        "window_keys": 2,
        "window_evicted": 3,
        "window_forgotten": 3,
        "window_too_late": 0,
    }


def test_a_value_no_model_can_take_is_found_before_a_window_counts_it():
    encoder = HashedEncoder([Window("amount", by="card", over=["1h"], stats=["mean"])], 10)
    assert list(encoder.unusable({"amount": [1.0, math.inf], "card": ["a", "a"]})) == [1]


def declared(*given, **changed):
    return Window(*given, **{"by": "card", "over": ["1d"], "stats": ["count"], **changed})


@pytest.mark.parametrize(
    ("make", "said", "write"),
    [
        (lambda: declared("amount", over=["1 day"]), "'1 day' is no duration", "over=['1d'"),
        (lambda: declared("amount", over=[]), "1 to 16 different durations", "over=['1d', '7d']"),
        (lambda: declared("amount", over=["1d", "1d"]), "different", "over=['1d'], "),
        (lambda: declared("amount", late="soon"), "'soon' is no duration", "over=['1d'"),
        (lambda: declared("amount", stats=["average"]), "stats is a list of", "stats=["),
        (lambda: declared("amount", stats=["coun"]), "stats is a list of", "stats=['count']"),
        (lambda: declared(stats=["mean"]), "without a field", "Window(by='card', over=['1d'], st"),
        (lambda: declared("amount", remember=0), "at least 1", "remember=1000000"),
        (lambda: declared("amount", scale="logs"), "a scale is", "scale='log'"),
        (lambda: declared("amount", name="a.b"), "join a name", "name='a-b'"),
    ],
)
def test_a_window_that_cannot_work_is_answered_with_one_that_can(make, said, write):
    with pytest.raises(FeatureError) as error:
        make()
    assert said in error.value.why
    assert write in error.value.write


@pytest.mark.parametrize(
    ("window", "given", "write"),
    [
        (declared("amont"), "no field 'amont'", "Window('amount', by='card', over=['1d'], st"),
        (declared("amount", by="crad"), "no field 'crad'", "Window('amount', by='card', over="),
        (declared("tags"), "tags is a list[str]", "Tokens('tags')"),
        (declared("shop", by="amount"), "amount is a float", "amount: str    # in the schema"),
        (declared("card", by="shop", stats=["mean"]), "card is a str", "stats=['count', 'dist"),
    ],
)
def test_a_window_over_what_cannot_be_counted_is_refused(window, given, write):
    with pytest.raises(FeatureError) as error:
        window.check(TYPES)
    assert given in error.value.given
    assert error.value.write.startswith(write) or write in error.value.write


def test_a_window_needs_to_know_what_came_before():
    with pytest.raises(FeatureError, match="depend on the events before"):
        named([declared()], {"card": "a", EVENT_TIME: BEGIN})
