"""Tests of models.memory: moments live in one place, and a restored one is all there is."""

import numpy as np

from models.memory import Memory
from models.windows import Windows


def test_the_moments_of_a_feature_are_handed_out_alive_and_copied_into_a_state():
    memory = Memory()
    moments = memory.moments("amount")
    assert memory.moments("amount") is moments
    state = memory.state()
    moments[:] = 1.0, 2.0, 3.0
    assert state["moments"]["amount"].tolist() == [0.0, 0.0, 0.0]
    assert memory.state()["moments"]["amount"].tolist() == [1.0, 2.0, 3.0]


def test_restoring_forgets_what_the_state_does_not_know():
    memory = Memory()
    old, both = memory.moments("old"), memory.moments("both")
    old[:] = both[:] = 5.0
    memory.restore({"moments": {"both": [1.0, 2.0, 3.0], "new": [4.0, 5.0, 6.0]}})
    assert old.tolist() == [0.0, 0.0, 0.0]
    assert both.tolist() == [1.0, 2.0, 3.0]
    assert memory.moments("new").tolist() == [4.0, 5.0, 6.0]


def test_windows_live_in_one_place_and_come_back_from_a_state():
    def made():
        return Windows([10], 0, 100, [("count", 0)])

    def count(windows):
        return windows.take(["a"], np.zeros(1, np.int64), None).item()

    memory = Memory()
    windows = memory.windows("w", made)
    assert memory.windows("w", made) is windows
    assert count(windows) == 1.0
    state = memory.state()
    assert count(windows) == 2.0
    memory.restore(state)
    assert count(windows) == 2.0
    memory.restore({"moments": {}})
    assert count(windows) == 1.0
    assert memory.summary()["window_events"] == 1
