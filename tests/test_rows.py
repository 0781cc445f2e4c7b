"""Tests of models.rows: a window of sparse rows is a list whose front was dropped."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from models.rows import Rows

law = settings(deadline=None)

ENTRIES = st.lists(st.tuples(st.integers(0, 2**30 - 1), st.floats(allow_nan=False)), max_size=4)
BATCHES = st.lists(ENTRIES, max_size=12)


def arrays(batch):
    entries = [entry for row in batch for entry in row]
    return (
        np.array([len(row) for row in batch], np.int64),
        np.array([bucket for bucket, _ in entries], np.int32),
        np.array([value for _, value in entries], np.float64),
    )


def append(rows, batch):
    return rows.append(*arrays(batch))


def read(rows, start, stop):
    lengths, index, value = rows.window(start, stop)
    entries = iter(zip(index.tolist(), value.tolist(), strict=True))
    return [[next(entries) for _ in range(length)] for length in lengths.tolist()]


class Window(RuleBasedStateMachine):
    """Appends, drops, copies; the model is the list of all rows ever appended."""

    def __init__(self):
        super().__init__()
        self.rows = Rows()
        self.all = []
        self.first = 0

    @rule(batch=BATCHES, times=st.sampled_from([1, 1, 1, 300]))
    def append(self, batch, times):
        assert append(self.rows, batch * times) == len(self.all)
        self.all += batch * times

    @rule(share=st.floats(0, 1.2))
    def drop_before(self, share):
        seq = int(share * len(self.all))
        self.rows.drop_before(seq)
        self.first = max(self.first, min(seq, len(self.all)))

    @rule()
    def restore_into_a_used_store(self):
        state, self.rows = self.rows.state(), Rows()
        append(self.rows, [[(1, 1.0)]] * 3)
        self.rows.restore(state)

    @invariant()
    def holds_the_window(self):
        assert (self.rows.first, self.rows.next) == (self.first, len(self.all))
        assert len(self.rows) == len(self.all) - self.first
        assert read(self.rows, self.first, len(self.all)) == self.all[self.first :]
        middle = (self.first + len(self.all)) // 2
        assert read(self.rows, middle, len(self.all)) == self.all[middle:]


TestWindow = Window.TestCase
TestWindow.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)


@law
@given(st.lists(BATCHES, max_size=5))
def test_how_rows_are_cut_into_appends_leaves_no_trace(batches):
    whole, parts = Rows(), Rows()
    append(whole, [row for batch in batches for row in batch])
    for batch in batches:
        append(parts, batch)
    for mine, other in zip(whole.state().values(), parts.state().values(), strict=True):
        assert np.array_equal(mine, other)


def test_memory_stays_that_of_the_window_however_many_rows_pass_through():
    rows = Rows()
    for _ in range(200):
        append(rows, [[(1, 1.0)] * 3] * 1000)
        rows.drop_before(rows.next - 1000)
    assert rows.next == 200_000
    assert len(rows.indptr) < 8_000
    assert len(rows.index) == len(rows.value) < 24_000


def test_a_window_that_was_handed_out_keeps_its_rows_when_the_store_grows():
    rows = Rows()
    append(rows, [[(7, 0.5)]])
    _, index, value = rows.window(0, 1)
    append(rows, [[(1, 1.0)] * 3] * 10_000)
    rows.drop_before(rows.next)
    append(rows, [[(2, 2.0)] * 3] * 10_000)
    assert (index.tolist(), value.tolist()) == ([7], [0.5])
