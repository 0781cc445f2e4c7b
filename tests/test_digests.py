"""Tests of models.digests: the published hash, over any column."""

import mmh3
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.digests import digests
from models.textcolumn import TextColumn


def expected(texts):
    return [list(mmh3.hash64(text.encode(), 0, x64arch=True, signed=False)) for text in texts]


@settings(deadline=None)
@given(st.lists(st.text(max_size=80)))
def test_a_column_is_digested_as_in_mmh3(texts):
    assert digests(TextColumn.of(texts)).tolist() == expected(texts)


@pytest.mark.parametrize("letter", ["a", "ü", "漢", "😀"])
def test_every_length_is_read_to_its_end_and_no_further(letter):
    texts = [letter * length for length in range(40)]
    assert digests(TextColumn.of(texts)).tolist() == expected(texts)


def test_texts_are_found_wherever_they_lie():
    column = TextColumn.of(["one", "two", "three"])
    assert np.array_equal(digests(column.take([2, 0])), digests(column)[[2, 0]])


def test_what_is_missing_has_no_digest():
    with pytest.raises(ValueError, match="leave out what has none"):
        digests(TextColumn.of(["a", None]))
