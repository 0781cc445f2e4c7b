"""A text column is the list of its values."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.textcolumn import TextColumn

values = st.lists(st.none() | st.text(max_size=8), max_size=20)
anyhow = settings(deadline=None)  # the first example compiles


@anyhow
@given(values)
def test_it_holds_what_it_is_made_of(column: list[str | None]) -> None:
    made = TextColumn.of(column)
    assert made.tolist() == list(made) == column
    assert [made[n] for n in range(len(made))] == column
    assert made == column
    assert (None in made) == (None in column)
    assert TextColumn.of(made) is made


@anyhow
@given(st.data(), values.filter(bool))
def test_cuts_and_choices_are_those_of_the_list(
    data: st.DataObject, column: list[str | None]
) -> None:
    start, stop = data.draw(st.integers(-25, 25)), data.draw(st.integers(-25, 25))
    places = data.draw(st.lists(st.integers(0, len(column) - 1)))
    made = TextColumn.of(column)
    assert made[start:stop] == column[start:stop]
    assert made.take(places) == [column[place] for place in places]


@anyhow
@given(st.lists(st.integers(-(2**63), 2**63 - 1)), st.lists(st.booleans()))
def test_numbers_and_booleans_are_spelled_as_by_python(
    numbers: list[int], booleans: list[bool]
) -> None:
    assert TextColumn.of_integers(np.array(numbers, np.int64)) == list(map(str, numbers))
    assert TextColumn.of_booleans(np.array(booleans, np.bool_)) == list(map(str, booleans))
