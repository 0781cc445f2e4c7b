"""Tests of models.dictrows: a window of dicts, and images from which each value comes back."""

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from models.dictrows import DictRows

law = settings(deadline=None)

ZONES = st.sampled_from([None, UTC, timezone(timedelta(hours=5, minutes=30))])
VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.builds(lambda at, zone: at.replace(tzinfo=zone, fold=0), st.datetimes(), ZONES)
    | st.lists(st.text(), max_size=3)
    | st.dictionaries(st.text(), st.floats(allow_nan=False), max_size=3)
)
ROW = st.dictionaries(st.text(max_size=5), VALUES, max_size=4)


class Window(RuleBasedStateMachine):
    """The model is the list of all rows ever appended."""

    def __init__(self):
        super().__init__()
        self.rows = DictRows()
        self.all = []
        self.first = 0

    @rule(batch=st.lists(ROW, max_size=8))
    def append(self, batch):
        assert self.rows.append([dict(row) for row in batch]) == len(self.all)
        self.all += batch

    @rule(share=st.floats(0, 1.2))
    def drop_before(self, share):
        seq = int(share * len(self.all))
        self.rows.drop_before(seq)
        self.first = max(self.first, min(seq, len(self.all)))

    @rule()
    def restore_into_a_used_store(self):
        state, self.rows = self.rows.state(), DictRows()
        self.rows.append([{"old": 1}])
        self.rows.restore(state)

    @invariant()
    def holds_the_window(self):
        assert (self.rows.first, self.rows.next) == (self.first, len(self.all))
        assert len(self.rows) == len(self.all) - self.first
        found = [self.rows[seq] for seq in range(self.first, self.rows.next)]
        assert repr(found) == repr(self.all[self.first :])


TestWindow = Window.TestCase
TestWindow.settings = settings(max_examples=40, stateful_step_count=15, deadline=None)


def restored(value):
    rows, other = DictRows(), DictRows()
    rows.append([{"x": value}])
    other.restore(rows.state())
    return other[0]["x"]


@law
@given(VALUES)
def test_a_value_comes_back_from_an_image_as_it_was(value):
    assert restored(value) == value
    assert type(restored(value)) is type(value)


@pytest.mark.parametrize("zone", [None, UTC, timezone(timedelta(hours=-8))])
def test_a_date_comes_back_in_its_own_zone(zone):
    at = datetime(2026, 3, 29, 1, 30, 0, 7, tzinfo=zone)
    assert restored(at).isoformat() == at.isoformat()
    assert restored(at).utcoffset() == at.utcoffset()


def test_nan_and_integers_beyond_64_bits_come_back():
    assert math.isnan(restored(math.nan))
    assert restored(-(10**40)) == -(10**40)


def test_who_writes_into_a_row_leaves_the_stored_one_as_it_was():
    rows = DictRows()
    rows.append([{"amount": 1.0}])
    rows[0]["hour"] = 3
    assert rows[0] == {"amount": 1.0}


@pytest.mark.parametrize("seq", [-1, 0, 2])
def test_a_row_outside_of_the_window_is_refused(seq):
    rows = DictRows()
    rows.append([{}, {}])
    rows.drop_before(1)
    with pytest.raises(IndexError, match=rf"row {seq} is outside of the window \[1, 2\)"):
        rows[seq]


def test_what_was_dropped_is_let_go():
    rows = DictRows()
    for _ in range(100):
        rows.append([{"x": 1}] * 100)
        rows.drop_before(rows.next - 10)
    assert len(rows) == 10
    assert len(rows._rows) <= 120
