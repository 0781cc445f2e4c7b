from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import DeclarationError, nearest, one_of


def test_an_error_says_what_was_given_why_not_and_what_to_write():
    error = DeclarationError("a = 1", "a is a word", 'a = "1"')
    assert str(error) == 'a = 1\n  why:   a is a word\n  write: a = "1"'


def test_an_error_begins_with_its_place_once_that_is_known():
    error = DeclarationError("a = 1", "a is a word", 'a = "1"')
    error.where = "fraud.py, line 3"
    assert str(error).splitlines()[0] == "fraud.py, line 3: a = 1"


def test_an_error_survives_the_way_from_another_process():
    error = pickle.loads(pickle.dumps(DeclarationError("a", "b", "c")))
    assert (error.given, error.why, error.write) == ("a", "b", "c")


@pytest.mark.parametrize(
    ("name", "found"),
    [("custmer_id", "customer_id"), ("Amount", "amount"), ("ssl-cafile", "ssl_cafile")],
)
def test_the_nearest_name_is_found_through_typos_case_and_dashes(name, found):
    assert nearest(name, ["customer_id", "amount", "ssl_cafile", "at"]) == found


def test_nothing_is_nearest_to_a_name_unlike_all_others():
    assert nearest("colour", ["customer_id", "at"]) is None


@given(st.lists(st.text(min_size=1), min_size=1, unique_by=str.lower), st.data())
def test_a_known_name_is_its_own_nearest(names, data):
    name = data.draw(st.sampled_from(names))
    assert nearest(name, [name, *names]) is not None


def test_choices_read_as_english():
    assert [one_of("a"), one_of("ab"), one_of("abc")] == ["a", "a or b", "a, b or c"]
