"""A byte column is the list of its values."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.bytecolumn import ByteColumn

values = st.lists(st.none() | st.binary(max_size=12), max_size=30)
anyhow = settings(deadline=None)  # the first example compiles


@anyhow
@given(values)
def test_it_holds_what_it_is_made_of(column: list[bytes | None]) -> None:
    made = ByteColumn.of(column)
    assert list(made) == column
    assert [made[n] for n in range(len(made))] == column
    assert made == column
    assert ByteColumn.of(made) is made


@anyhow
@given(values, st.integers(-40, 40), st.integers(-40, 40))
def test_a_cut_of_it_is_the_cut_of_the_list(
    column: list[bytes | None], start: int, stop: int
) -> None:
    assert list(ByteColumn.of(column)[start:stop]) == column[start:stop]


@anyhow
@given(st.data(), values.filter(bool))
def test_a_choice_of_it_is_the_choice_of_the_list(
    data: st.DataObject, column: list[bytes | None]
) -> None:
    places = data.draw(st.lists(st.integers(0, len(column) - 1)))
    assert list(ByteColumn.of(column).take(places)) == [column[place] for place in places]
    made = ByteColumn.of(column)
    assert made.take(range(len(column))) is made


@anyhow
@given(values, st.integers(0, 10), st.integers(0, 30))
def test_it_joins_as_bytes_do(column: list[bytes | None], start: int, stop: int) -> None:
    part = column[start:stop]
    whole = [value for value in part if value is not None]
    expected = b"\n".join(whole) if len(whole) == len(part) else None
    assert ByteColumn.of(column)[start:stop].joined() == expected


@anyhow
@given(st.lists(st.binary(max_size=12).map(lambda line: line.replace(b"\n", b"")), max_size=30))
def test_lines_are_read_as_they_were_written(column: list[bytes]) -> None:
    data = b"".join(line + b"\n" for line in column)
    assert list(ByteColumn.lines(data, len(column))) == column


@anyhow
@given(st.lists(st.none() | st.binary(max_size=12) | st.text(max_size=6).map(str.encode)))
def test_texts_are_those_of_each_value(column: list[bytes | None]) -> None:
    expected = [None if v is None else v.decode(errors="replace") for v in column]
    assert ByteColumn.of(column).texts() == expected


@anyhow
@given(values)
def test_it_knows_whether_all_of_it_is_ascii(column: list[bytes | None]) -> None:
    padded = ByteColumn(b"\xff" + ByteColumn.of(column).data, *_shifted(ByteColumn.of(column)))
    assert padded.is_ascii == all(value is None or value.isascii() for value in column)


def _shifted(column: ByteColumn) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return column.starts + 1, column.lengths


@anyhow
@given(st.lists(values, min_size=1, max_size=4))
def test_columns_are_put_one_behind_the_other(columns: list[list[bytes | None]]) -> None:
    whole = ByteColumn.concatenated([ByteColumn.of(column) for column in columns])
    assert whole == [value for column in columns for value in column]
