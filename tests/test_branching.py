"""A learner, and windows, that go on as another partition's: what they had to tell counts once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from mixed_learners import OPTIMIZERS, Group, dense, model
from test_mixing import EVENTS, story, told

from models import Mixing
from models.rowexchange import RowExchange

PARENT, CHILD = 0, 2


def branched(group: Group):
    """The learner of a new partition, made of the parent's as it is."""
    learner = group.fresh(CHILD)
    learner.restore(group.learners[PARENT].state())
    learner.branch()
    return learner


@settings(deadline=None, max_examples=20)
@given(steps=story(2))
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_a_branch_stands_where_all_do_and_has_nothing_of_its_own(optimizer, steps):
    group = told(Group(model(optimizer), 2), steps)
    idle = group.fresh(CHILD)
    for sender, delta in group.log[: group.read[PARENT]]:
        idle.fold(sender, delta)
    branch = branched(group)
    np.testing.assert_allclose(dense(branch.state()), dense(idle.state()), rtol=1e-9, atol=1e-12)
    assert branch.summary()["divergence"] <= 1e-6
    assert not branch.look()
    assert branch.under_way == b""
    assert branch.summary()["learned"] == 0
    assert branch.summary()["learned_elsewhere"] == idle.summary()["learned_elsewhere"]


@settings(deadline=None, max_examples=20)
@given(steps=story(2), events=EVENTS)
def test_a_branch_reads_on_where_its_parent_had_come_and_tells_as_a_new_learner(steps, events):
    group = told(Group(model(), 2, Mixing(divergence=1e-3)), steps)
    group.learners.append(branched(group))
    group.read.append(group.read[PARENT])
    group.exchange()  # the parent's delta that was under way comes to the branch as another's
    group.learn(CHILD, events)
    group.publish(CHILD)
    for partition in range(3):
        group.fold(partition)
    lines = [one.state()["exchange"]["line"][:, :2] for one in group.learners]
    np.testing.assert_allclose(lines[2], lines[0], rtol=1e-9, atol=1e-12)


def rows(exchange: RowExchange, *times: int) -> None:
    n = len(times)
    exchange.take(np.zeros((n, 2), np.uint64), np.array(times), np.zeros(n, np.int64))


def test_rows_branch_once_all_of_them_have_come_back_and_are_told_anew_from_the_first():
    parent, other = RowExchange(8), RowExchange(8)
    rows(parent, 1, 2)
    [first] = parent.outbox()
    with pytest.raises(RuntimeError, match="take over one's own deltas first"):
        parent.branch()
    parent.fold(PARENT, first, own=True)
    [second] = parent.outbox()
    parent.fold(PARENT, second, own=True)
    child = RowExchange(8)
    child.restore(parent.state())
    child.branch()
    rows(child, 3)
    [third] = child.outbox()
    for sender, delta in ((PARENT, first), (PARENT, second), (CHILD, third)):
        assert other.fold(sender, delta, own=False) is not None
    assert other.told_elsewhere == 3
