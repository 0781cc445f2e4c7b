"""Tests of models.memory: moments live in one place, and a restored one is all there is."""

from models.memory import Memory


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
