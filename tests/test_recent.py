"""A ring remembers the last verdicts, however they came."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.recent import Recent

FIELDS = np.dtype([("score", "f8"), ("outcome", "i1")])


def verdicts(numbers):
    made = np.zeros(len(numbers), FIELDS)
    made["score"] = numbers
    return made


@given(st.integers(1, 8), st.lists(st.integers(0, 20)))
def test_the_last_ones_are_remembered_in_order_whatever_the_cuts(capacity, lengths):
    recent, total = Recent(capacity, FIELDS), 0
    for length in lengths:
        recent.push(verdicts(range(total, total + length)))
        total += length
        held = recent.verdicts()["score"].tolist()
        assert held == list(range(max(0, total - capacity), total))


def test_a_merged_ring_holds_as_much_as_both():
    ours, theirs = Recent(3, FIELDS), Recent(2, FIELDS)
    ours.push(verdicts([1, 2, 3, 4]))
    theirs.push(verdicts([7, 8, 9]))
    ours.merge(theirs.verdicts(), theirs.capacity)
    assert ours.verdicts()["score"].tolist() == [2, 3, 4, 8, 9]
    ours.push(verdicts([10]))
    assert ours.verdicts()["score"].tolist() == [3, 4, 8, 9, 10]


def test_a_smaller_ring_takes_over_the_last_of_a_larger_one():
    large, small = Recent(5, FIELDS), Recent(2, FIELDS)
    large.push(verdicts([1, 2, 3]))
    small.restore(large.state())
    assert small.verdicts()["score"].tolist() == [2, 3]
