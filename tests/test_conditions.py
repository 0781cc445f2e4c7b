"""A condition holds where plain Python says so, whatever the columns are made of."""

from __future__ import annotations

import operator
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.textcolumn import TextColumn
from streams import DeclarationError, Event, Field, Score
from streams.conditions import SCORE
from streams.schema import fields_of

law = settings(deadline=None)  # the first example compiles


class Payment(Event, frozen=True):
    id: str
    amount: float
    items: int
    country: str | None
    night: bool
    at: datetime


FIELDS = fields_of(Payment)
COMPARE = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}

texts = st.sampled_from(["US", "MX", "", "größer", "U", "USA"])
events = st.lists(
    st.tuples(
        st.none() | st.sampled_from([0.0, 5.0, 5.5, -1.0]),
        st.integers(-3, 3) | st.just(2**70),
        st.none() | texts,
        st.booleans(),
        st.none() | st.floats(0, 1),
    )
)


def columns(rows):
    """As the task has them: arrays wherever they can hold the values."""
    amount, items, country, night, score = zip(*rows, strict=True) if rows else ((),) * 5
    small = all(abs(item) < 2**63 for item in items)
    return {
        "amount": np.array([np.nan if it is None else it for it in amount], float),
        "items": np.array(items, np.int64) if small else list(items),
        "country": TextColumn.of(list(country)),
        "night": np.array(night, bool),
        SCORE: np.array([np.nan if it is None else it for it in score], float),
    }


@law
@given(events, st.sampled_from(list(COMPARE)), st.sampled_from([5, 5.0, 0, -1.0]))
def test_a_number_is_compared_and_a_missing_one_never_is(rows, order, value):
    compare = COMPARE[order]
    held = compare(Field("amount"), value).holds(columns(rows))
    assert held.tolist() == [row[0] is not None and compare(row[0], value) for row in rows]
    held = compare(Score(), value).holds(columns(rows))
    assert held.tolist() == [row[4] is not None and compare(row[4], value) for row in rows]


@law
@given(events, st.sampled_from(list(COMPARE)), st.integers(-3, 3) | st.just(2**70))
def test_whole_numbers_are_compared_exactly(rows, order, value):
    held = COMPARE[order](Field("items"), value).holds(columns(rows))
    assert held.tolist() == [COMPARE[order](row[1], value) for row in rows]


@law
@given(events, st.lists(texts, min_size=1, max_size=3))
def test_a_text_is_among_others_and_a_missing_one_is_not(rows, wanted):
    found = columns(rows)
    assert Field("country").isin(wanted).holds(found).tolist() == [row[2] in wanted for row in rows]
    one = wanted[0]
    assert (Field("country") == one).holds(found).tolist() == [row[2] == one for row in rows]
    held = (Field("country") != one).holds(found).tolist()
    assert held == [row[2] is not None and row[2] != one for row in rows]


@law
@given(events)
def test_conditions_are_joined_and_turned_round(rows):
    many, night, gone = Field("items") > 1, Field("night") == True, Field("amount").missing()  # noqa: E712  # a condition
    held = (many & ~night | gone).holds(columns(rows)).tolist()
    assert held == [(row[1] > 1 and not row[3]) or row[0] is None for row in rows]


def test_a_condition_is_told_in_words_and_in_json():
    condition = (Field("amount") > 5) & ~Field("country").isin(["US", "MX"]) | (Score() <= 0.2)
    assert str(condition) == "((amount > 5 and not country in ['US', 'MX']) or score <= 0.2)"
    assert condition.describe() == [
        "or",
        ["and", ["amount", ">", 5], ["not", ["country", "in", ["US", "MX"]]]],
        ["@score", "<=", 0.2],
    ]


@pytest.mark.parametrize(
    ("make", "given", "write"),
    [
        (lambda: Field("amout") > 5, "Field('amout'): no field", "Field('amount')"),
        (lambda: Field("amount") > "5", "amount > '5', and amount is float", "Field"),
        (lambda: Field("items") > 5.5, "items > 5.5, and items is int", "Field"),
        (lambda: Field("country") > "A", "country > 'A', and country is str", "== 'A'"),
        (lambda: Field("night") == 1, "night == 1, and night is bool", "Field"),
        (lambda: Field("at") == 1, "at == 1, and at is datetime", 'Field("at").missing()'),
        (lambda: Field("country").isin([]), "country in []", ".isin([…])"),
        (lambda: Score() > float("nan"), "score > nan, and score is float", "Field"),
        (lambda: ~(Field("amount") > 5) & Field("x").missing(), "Field('x'): no field", "one of"),
    ],
)
def test_a_condition_that_no_event_could_meet_is_refused(make, given, write):
    with pytest.raises(DeclarationError) as refused:
        make().check(FIELDS)
    assert refused.value.given.startswith(given)
    assert write in refused.value.write


def test_and_of_python_is_refused_with_what_to_write():
    with pytest.raises(DeclarationError, match=r"and, \| for or|\| for or"):
        Field("amount") > 5 and Field("items") > 2
    with pytest.raises(DeclarationError, match="for or"):
        5 < Field("amount") < 10  # noqa: B015  # what is refused
    with pytest.raises(DeclarationError, match="in brackets"):
        (Field("amount") > 5) & 3
