"""Tests of models.rowrecords: a window of records is a list whose front was dropped."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.rowrecords import RowRecords

FIELDS = np.dtype([("number", "i8"), ("flag", "?")])

STEPS = st.lists(st.tuples(st.integers(0, 3_000), st.floats(0, 1)), max_size=30)


@given(STEPS)
def test_records_stay_those_of_their_rows_however_often_they_move(steps):
    records = RowRecords(FIELDS)
    for n, dropped in steps:
        new = records.append(n)
        new["number"] = np.arange(records.next - n, records.next)
        new["flag"] = new["number"] % 3 == 0
        records.drop_before(records.first + int(dropped * (records.next - records.first)))
        rows = np.arange(records.first, records.next)
        for found in (records.of(rows), records.since(records.first)):
            assert np.array_equal(found["number"], rows)
            assert np.array_equal(found["flag"], rows % 3 == 0)


def test_memory_stays_that_of_the_window_however_many_rows_pass_through():
    records, sizes = RowRecords(FIELDS), set()
    for _ in range(100):
        records.append(1_000)
        records.drop_before(records.next - 20_000)
        sizes.add(records.memory)
    assert max(sizes) <= 2 * 21_000 * FIELDS.itemsize
    assert records.memory == max(sizes)
