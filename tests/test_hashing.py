"""Tests of models.hashing: one hash, the same for one value and for a column, and mmh3's."""

from enum import Enum, IntEnum, StrEnum

import mmh3
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.hashing import MISSING, fold, murmur3, sign, signs, text, token

law = settings(deadline=None)  # a first example compiles

UINT32 = st.integers(0, 2**32 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.text("aß漢😀\0", max_size=40)


class Colour(StrEnum):
    RED = "red"


class Old(str, Enum):  # noqa: UP042 - str() of it is not its value
    RED = "red"


class Level(IntEnum):
    HIGH = 3


def folded(column, seeds):
    return fold(np.array(seeds, np.uint32), column).tolist()


@pytest.mark.parametrize(
    ("value", "seed", "expected"),
    [("", 0, 0), ("", 1, 0x514E28B7), ("Hello, world!", 1234, 0xFAF6CDB3), ("a", 0, 0x3C2569B2)],
)
def test_the_published_vectors_hold(value, seed, expected):
    assert murmur3(value, seed) == expected


@law
@given(TEXT, UINT32)
def test_one_text_hashes_as_in_mmh3(value, seed):
    assert murmur3(value, seed) == mmh3.hash(value, seed, signed=False)


@law
@given(st.lists(st.tuples(TEXT, UINT32)))
def test_a_column_hashes_as_in_mmh3_each_value_with_its_own_seed(pairs):
    column = [value for value, _ in pairs]
    seeds = [seed for _, seed in pairs]
    assert folded(column, seeds) == [mmh3.hash(v, s, signed=False) for v, s in pairs]


@pytest.mark.parametrize("letter", ["a", "ü", "漢", "😀"])
@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 7, 8, 1000])
def test_every_length_and_width_of_characters_is_read_to_its_end(letter, length):
    value = letter * length
    assert folded(["", value, "tail"], [7, 7, 7]) == [
        mmh3.hash(v, 7, signed=False) for v in ("", value, "tail")
    ]


@law
@given(st.lists(st.none() | st.booleans() | st.integers() | TEXT | st.sampled_from(Colour)))
def test_values_that_are_no_text_hash_like_their_text(column):
    assert folded(column, [5]) == [murmur3(text(value), 5) for value in column]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (12, "12"), (-1, "-1"), (True, "True"), (Colour.RED, "red"), (Old.RED, "red"),
        (Level.HIGH, "3"), (None, MISSING), ("", ""),
    ],
)  # fmt: skip
def test_a_category_has_one_text(value, expected):
    assert str.__eq__(text(value), expected)
    assert folded([value], [9]) == [murmur3(expected, 9)]


@law
@given(TEXT)
def test_no_valid_text_is_the_missing_one(value):
    assert value != MISSING
    assert value.encode() != MISSING.encode("utf-8", "surrogatepass")


def test_a_token_is_seeded_with_its_features_name():
    name = mmh3.hash("tärget", 3, signed=False)
    assert token("tärget", (), 3) == name
    assert token("tärget", ("x",), 3) == mmh3.hash("x", name, signed=False)
    assert token("tärget", ("x",), 3) != token("other", ("x",), 3)


@law
@given(st.text("ab|", min_size=1, max_size=12), st.data())
def test_crosses_of_one_joined_text_differ_wherever_it_is_cut(joined, data):
    cuts = [data.draw(st.integers(0, len(joined)), label="cut") for _ in range(2)]
    first, second = ((joined[:cut], joined[cut:]) for cut in cuts)
    assert (token("c", first, 0) == token("c", second, 0)) == (first == second)


@law
@given(st.lists(TEXT, min_size=1, max_size=4), UINT32)
def test_a_cross_of_columns_is_the_cross_of_their_values(values, seed):
    hashes = np.array([token("c", (), seed)], np.uint32)
    for value in values:
        hashes = fold(hashes, [value])
    assert hashes.tolist() == [token("c", values, seed)]


@law
@given(st.lists(UINT32))
def test_the_sign_is_the_top_bit_which_no_bucket_holds(hashes):
    assert signs(np.array(hashes, np.uint32)).tolist() == [sign(h) for h in hashes]
    assert all(sign(h) == (-1.0 if h & 0x80000000 else 1.0) for h in hashes)
