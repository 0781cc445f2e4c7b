"""Tests of models.named: the plain form of an event, for our models and for River's."""

import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.features import Clock, Counts, Cross, FeatureError, Hashed, Number, Text, Tokens
from models.hashing import MISSING, sign, token
from models.memory import Memory
from models.named import entries, flat, hash_row, named

law = settings(deadline=None)  # a first example compiles

EVENT = {
    "amount": 9.5,
    "card": 4711,
    "shop": "a|b",
    "device": None,
    "at": datetime(2026, 1, 3, 13, tzinfo=UTC),
    "tags": ["red", "blue", "red"],
    "prices": {"x": 2.0},
    "note": "Hello hello",
}
FEATURES = [
    Number("amount"),
    Hashed("card"),
    Hashed("device"),
    Cross("shop", "device"),
    Clock("at", ["hour", "weekday"]),
    Tokens("tags"),
    Counts("prices"),
    Text("note"),
]


def test_an_event_by_name():
    assert named(FEATURES, EVENT) == {
        "amount": 9.5,
        "card": "4711",
        "device": None,
        "shop*device": ("a|b", None),
        "at.hour": "13",
        "at.weekday": "Sat",
        "tags": ["red", "blue", "red"],
        "prices": {"x": 2.0},
        "note": {"hello": 2.0},
    }


def test_river_gets_numbers_and_texts_only_and_nothing_for_what_is_missing():
    assert flat(named(FEATURES, EVENT)) == {
        "amount": 9.5,
        "card": "4711",
        "shop*device": r"a\|b|\0",
        "at.hour": "13",
        "at.weekday": "Sat",
        "tags=red": 2.0,
        "tags=blue": 1.0,
        "prices=x": 2.0,
        "note=hello": 2.0,
    }


CATEGORY = st.none() | st.text("ab|\\0", max_size=4)


@law
@given(*[st.tuples(CATEGORY, CATEGORY)] * 2)
def test_different_crosses_are_different_texts_to_river(first, second):
    assert (flat({"c": first}) == flat({"c": second})) == (first == second)


def test_a_standardised_number_needs_to_know_what_came_before():
    feature = Number("amount", scale="standard")
    with pytest.raises(FeatureError) as error:
        named([feature], EVENT)
    assert str(error.value) == (
        "Number('amount', scale='standard')\n"
        "  why:   its value depends on the numbers seen before, and none were given\n"
        "  write: named(features, event, memory), with one Memory for all events"
    )
    memory = Memory()
    values = [named([feature], {"amount": x}, memory)["amount"] for x in (1.0, 3.0)]
    assert values == [0.0, 1.0]


@pytest.mark.parametrize(
    "number", [math.nan, math.inf, -math.inf, 1e101, 10**400, np.float32("inf")]
)
def test_no_number_that_is_not_finite_comes_into_a_row(number):
    _, value = hash_row({"x": number, "counts": {"a": number, "b": 2.0}}, 20, 0)
    assert np.abs(value).tolist() == [1.0, 0.0, 2.0]
    assert [entry.categories for entry in entries({"x": number})] == [(MISSING,)]
    if not isinstance(number, np.float32):
        assert named([Number("x")], {"x": number}) == {"x": None}


def test_a_row_holds_an_entry_for_each_number_category_cross_and_element_in_order():
    values = {
        "n": 2.5, "flag": True, "i": np.int64(3), "c": "x", "none": None,
        "cross": ("a", None), "list": ["p", "p"], "dict": {"q": -2.0}, 7: "key", "empty": [],
    }  # fmt: skip
    expected = [
        ("n", (), 2.5), ("flag", (), 1.0), ("i", (), 3.0), ("c", ("x",), 1.0),
        ("none", (MISSING,), 1.0), ("cross", ("a", MISSING), 1.0),
        ("list", ("p",), 1.0), ("list", ("p",), 1.0), ("dict", ("q",), -2.0), ("7", ("key",), 1.0),
    ]  # fmt: skip
    assert list(entries(values)) == expected
    index, value = hash_row(values, 12, 5)
    hashes = [token(name, categories, 5) for name, categories, _ in expected]
    assert index.dtype == np.int32
    assert index.tolist() == [h % 2**12 for h in hashes]
    assert value.tolist() == [
        number * sign(h) if categories else number
        for h, (_, categories, number) in zip(hashes, expected, strict=True)
    ]


def test_an_empty_row_is_a_row():
    index, value = hash_row({}, 20, 0)
    assert (index.dtype, value.dtype, len(index), len(value)) == (np.int32, np.float64, 0, 0)
