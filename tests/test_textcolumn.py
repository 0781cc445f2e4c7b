"""A text column is the list of its values."""

from __future__ import annotations

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
