"""Laws of mixing: what several learners come to, whatever the order and the pauses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mixed_learners import BITS, OPTIMIZERS, Group, bits, dense, learn, model, planned

from models import AdaGrad, Linear, Logistic, Mixing
from models.deltas import DeltaError
from models.exchange_kernels import BASE, position
from models.mixing import mixed, mixes

WAYS = ["saturating", "mean", "sum"]
EVENT = st.tuples(
    st.lists(st.tuples(st.integers(0, 2**BITS - 1), st.floats(-2, 2)), min_size=1, max_size=4),
    st.integers(0, 1),
)
EVENTS = st.lists(EVENT, min_size=1, max_size=25)


def story(partitions: int):
    """Steps of a group: one learns, tells or reads."""
    partition = st.integers(0, partitions - 1)
    return st.lists(
        st.one_of(
            st.tuples(st.just("learn"), partition, EVENTS),
            st.tuples(st.just("publish"), partition),
            st.tuples(st.just("fold"), partition),
        ),
        max_size=25,
    )


def told(group: Group, steps) -> Group:
    for name, *given_ in steps:
        getattr(group, name)(*given_)
    return group


@settings(deadline=None, max_examples=12)
@given(steps=story(1), events=EVENTS)
@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_a_single_learner_learns_as_if_there_were_no_mixing_to_the_bit(
    optimizer, how, steps, events
) -> None:
    declared = model(optimizer, l2=0.0)
    group = told(Group(declared, 1, Mixing(divergence=1e-3, how=how)), steps)
    alone = declared.new(0)
    for name, *given_ in steps:
        if name == "learn":
            learn(alone, given_[1])
    assert group.learn(0, events).value.tobytes() == learn(alone, events).value.tobytes()
    state, plain = group.learners[0].state(), alone.state()
    width = plain["line"].shape[1]
    kept = np.any(state["line"][:, :width] != 0, axis=1)
    assert state["line"][kept, :width].tobytes() == plain["line"].tobytes()
    assert state["at"][kept].tobytes() == plain["at"].tobytes()


@settings(deadline=None, max_examples=12)
@given(data=st.data())
@pytest.mark.parametrize("optimizer", [OPTIMIZERS[0], *OPTIMIZERS[2:]], ids=repr)
def test_what_learners_have_learned_of_features_of_their_own_is_added(optimizer, data) -> None:
    declared = model(optimizer, intercept=False)
    group, half = Group(declared, 2), 2 ** (BITS - 1)
    own = [data.draw(EVENTS), data.draw(EVENTS)]
    alone = []
    for partition in (0, 1):
        rows = [
            ([(i % half + partition * half, v) for i, v in entries], label)
            for entries, label in own[partition]
        ]
        group.learn(partition, rows)
        alone.append(declared.new(0))
        learn(alone[-1], rows)
    group.exchange()
    expected = sum(dense(learner.state()) for learner in alone)
    for partition in (0, 1):
        np.testing.assert_allclose(group.weights(partition), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
@pytest.mark.parametrize("learners", [2, 8])
def test_learners_that_have_all_learned_the_same_for_long_stay_where_they_are(
    optimizer, learners
) -> None:
    """The limit of the average: nobody's way is counted twice."""
    group = Group(model(optimizer, Linear), learners)
    same = [([(1, 1.0), (2, -1.0)], 1), ([(1, -1.0), (3, 1.0)], -1)] * 2_000
    for partition in range(learners):
        group.learn(partition, same)
    before = group.weights(0)
    group.exchange()
    for partition in range(learners):
        np.testing.assert_allclose(group.weights(partition), before, rtol=0.02, atol=0.01)


def test_rare_evidence_is_added_and_not_averaged() -> None:
    """The limit of the sum."""
    group = Group(model(AdaGrad(1e-3), intercept=False), 4)
    group.learn(0, [([(1, 1.0)], label) for label in (0, 1) * 500])  # its rate is small by now
    group.exchange()
    start = group.weights(0)[1]
    for partition in range(4):
        group.learn(partition, [([(1, 1.0)], 1)])
    moved = [group.weights(partition)[1] - start for partition in range(4)]
    group.exchange()
    assert group.weights(0)[1] - start == pytest.approx(sum(moved), rel=0.02)


@settings(deadline=None, max_examples=20)
@given(steps=story(3), partition=st.integers(0, 2), data=st.data())
@pytest.mark.parametrize("how", WAYS)
def test_a_state_taken_anywhere_goes_on_to_the_same_bits(how, steps, partition, data) -> None:
    """Also between a delta's publication and its return."""
    cut = data.draw(st.integers(0, len(steps)))
    mixing = Mixing(divergence=1e-3, how=how)
    straight = told(Group(model(), 3, mixing), steps)
    broken = told(Group(model(), 3, mixing), steps[:cut])
    copy = broken.fresh(partition)
    copy.restore(broken.learners[partition].state())
    broken.learners[partition] = copy
    told(broken, steps[cut:])
    assert broken.log == straight.log
    for one, other in zip(broken.learners, straight.learners, strict=True):
        assert bits(one.state()) == bits(other.state())


@settings(deadline=None, max_examples=15)
@given(events=EVENTS, data=st.data())
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_any_cut_of_the_events_leaves_the_same_bits(optimizer, events, data) -> None:
    at = data.draw(st.integers(0, len(events)))
    whole, parts = Group(model(optimizer), 2), Group(model(optimizer), 2)
    for group in (whole, parts):
        group.learn(1, [([(1, 1.0), (2, 1.0)], 1)] * 3)
        group.exchange()
    whole.learn(0, events)
    for part in (events[:at], events[at:]):
        parts.learn(0, part)
    assert bits(whole.learners[0].state()) == bits(parts.learners[0].state())
    assert whole.learners[0].look() == parts.learners[0].look()


@settings(deadline=None, max_examples=25)
@given(events=EVENTS, every=st.integers(1, 7), data=st.data())
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_it_looks_behind_the_same_labels_however_the_events_are_cut(
    optimizer, events, every, data
) -> None:
    """And answers what a learner does that never looks, entry by entry."""
    at = data.draw(st.integers(0, len(events)))
    mixing = Mixing(divergence=1e-6, look_every=every)
    whole, parts = (mixed(model(optimizer), 0, 0, mixing) for _ in range(2))
    expected = weighed(model(optimizer).new(0), events)
    assert weighed(whole, events) == expected
    pieces = [weighed(parts, piece) for piece in (events[:at], events[at:])]
    assert tuple(map(b"".join, zip(*pieces, strict=True))) == expected
    assert bool(whole.under_way) == (len(events) >= every)
    assert bits(whole.state()) == bits(parts.state())


def weighed(learner, events) -> tuple[bytes, bytes]:
    """Scores, and what each entry of each row added to them."""
    rows, plan = planned(events)
    scores, adds = learner.weigh(plan, rows)
    return scores.value.tobytes(), adds.tobytes()


def test_it_tells_what_it_had_learned_at_the_look_and_not_behind_it() -> None:
    mixing = Mixing(divergence=1e-6, look_every=3)
    early, late = (mixed(model(), 0, 0, mixing) for _ in range(2))
    learn(early, [([(1, 1.0)], 1)] * 3)
    learn(late, [([(1, 1.0)], 1)] * 8)
    assert early.under_way == late.under_way != b""
    late.fold(0, late.under_way)
    learn(late, [([(1, 1.0)], 0)])
    assert late.under_way, "the ninth label"


@settings(deadline=None, max_examples=15)
@given(own=st.tuples(EVENTS, EVENTS))
@pytest.mark.parametrize("optimizer", OPTIMIZERS[:4], ids=repr)
def test_the_order_of_two_deltas_matters_no_more_than_both_saturate(optimizer, own) -> None:
    """From one base, by at most the product of both pulls times their targets' distance.

    And by what AdaGrad's and FTRL's rates differ between the first and the second: where both have
    pulls of at most a, the two orders lie within 2·a times the way that both went together.
    """
    ends = []
    for order in ((0, 1), (1, 0)):
        group = Group(model(optimizer), 2)
        for partition in (0, 1):
            group.learn(partition, own[partition])
        alone = [group.weights(partition) for partition in (0, 1)]
        for partition in order:
            group.publish(partition)
        for partition in (0, 1):
            group.fold(partition)
        ends.append(group.weights(0))
    ways = np.abs(alone[0]) + np.abs(alone[1])
    assert (np.abs(ends[0] - ends[1]) <= ways + 1e-6).all()
    np.testing.assert_allclose(group.weights(0), group.weights(1), atol=2e-4 * (1 + ways.max()))


@settings(deadline=None, max_examples=15)
@given(steps=story(2))
def test_all_who_have_read_the_log_have_the_same_mixed_model(steps) -> None:
    group = told(Group(model(), 2), steps)
    idle = group.fresh(7)
    for sender, delta in group.log:
        idle.fold(sender, delta)
    for partition in (0, 1):
        group.fold(partition)
        mine, other = (one.state()["exchange"] for one in (group.learners[partition], idle))
        assert mine["at"].tobytes() == other["at"].tobytes()
        assert mine["line"][:, :2].tobytes() == other["line"][:, :2].tobytes()


def test_a_learner_that_has_learned_nothing_starts_from_the_mixed_model() -> None:
    group = Group(model(), 3)
    for partition in (0, 1):
        group.learn(partition, [([(partition, 1.0), (5, 1.0)], 1)] * 10)
    group.exchange()
    late = group.fresh(9)
    for sender, delta in group.log:
        late.fold(sender, delta)
    assert dense(late.state())[[0, 1, 5]].all()
    assert dense(late.state()).tobytes() == group.weights(2).tobytes()
    assert not late.look()


def test_nothing_is_told_where_nothing_was_learned() -> None:
    group = Group(model(), 2)
    group.learn(0, [([(1, 1.0)], 1)])
    assert [group.publish(0), group.publish(1)] == [True, False]
    group.fold(0)
    group.fold(1)
    assert [group.publish(0), group.publish(1)] == [False, False]


def test_what_stays_in_the_band_is_not_told() -> None:
    group = Group(model(AdaGrad(0.1)), 1, Mixing(divergence=2.0))
    group.learn(0, [([(1, 1.0)], 1)])
    assert not group.publish(0), "the first step is one learning rate long"
    group.learn(0, [([(1, 1.0)], 1)] * 5)
    assert group.publish(0)


@settings(deadline=None, max_examples=40)
@given(steps=story(3), divergence=st.sampled_from([1e-3, 0.5, 2.0]))
@pytest.mark.parametrize("how", ["saturating", "mean"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_a_look_at_fresh_lines_alone_finds_all_that_is_beyond_the_band(
    optimizer, how, steps, divergence
) -> None:
    group = told(Group(model(optimizer), 3, Mixing(divergence=divergence, how=how)), steps)
    for learner in group.learners:
        exchange = learner._exchange
        rule, table, mix = exchange._rule, exchange._table, exchange._mix
        away = [abs(position(rule, table, at) - mix[at, BASE]) for at in range(len(table))]
        expected = (table[:, -1] != 0.0) & (np.array(away) > rule.band)
        assert not (expected & (table[:, -1] > 0.0)).any()
        assert (
            learner.summary()["divergence"]
            == max([a for a, of in zip(away, table[:, -1], strict=True) if of], default=0.0)
            / rule.band
        )
        if learner.look():
            fresh = exchange.fresh[: exchange.counts[3]]
            assert sorted(fresh) == np.flatnonzero(expected).tolist()
        else:
            assert learner.under_way or not expected.any()
        evidence = np.abs(table[:, -1])
        assert not learner.look() or (np.abs(table[:, -1]) == evidence).all()


def test_a_line_that_a_fold_leaves_behind_is_looked_at_again() -> None:
    """Within the band before, it is held back by its own evidence as the mixed model goes away."""
    group = Group(model(AdaGrad(0.1), intercept=False), 2, Mixing(divergence=1.5))
    group.learn(0, [([(1, 0.1)], label) for label in (0, 1) * 40])
    assert not group.learners[0].look()
    group.learn(1, [([(1, 1.0)], 1)] * 200)
    group.publish(1)
    group.fold(0)
    assert group.learners[0].summary()["divergence"] > 1
    assert group.learners[0].look()


def test_one_delta_at_a_time_is_under_way() -> None:
    group = Group(model(), 2)
    group.learn(0, [([(1, 1.0)], 1)])
    group.publish(0)
    group.learn(0, [([(1, 1.0)], 1)])
    assert not group.learners[0].look()
    with pytest.raises(RuntimeError, match="under way: publish the next when it has come back"):
        group.learners[0].publish()
    group.fold(0)
    assert group.learners[0].look()


@pytest.mark.parametrize("own", [True, False])
def test_a_delta_that_comes_twice_or_too_early_is_refused_and_changes_nothing(own) -> None:
    group = Group(model(), 2)
    for label in (0, 1):
        group.learn(0, [([(1, 1.0)], label)])
        group.publish(0)
        group.fold(0)
    reader = group.learners[0] if own else group.fresh(1)
    if not own:
        with pytest.raises(DeltaError, match="delta 1 of partition 0 comes where its 0 should"):
            reader.fold(*group.log[1])
        for sender, delta in group.log:
            reader.fold(sender, delta)
    before = bits(reader.state())
    with pytest.raises(DeltaError, match="delta 1 of partition 0 comes where its 2 should"):
        reader.fold(*group.log[1])
    assert bits(reader.state()) == before


def test_a_delta_of_its_own_that_a_learner_did_not_publish_is_refused() -> None:
    group, twin = Group(model(), 1), Group(model(), 1)
    for one, label in ((group, 0), (twin, 1)):
        one.learn(0, [([(1, 1.0)], label)])
        one.publish(0)
    with pytest.raises(DeltaError, match="two workers write for one partition, or its state is of"):
        group.learners[0].fold(*twin.log[0])


def test_plain_averages_are_those_of_the_learners() -> None:
    group = Group(model(), 2, Mixing(divergence=1e-9, how="mean"))
    group.learn(0, [([(1, 1.0)], 1)] * 3)
    group.learn(1, [([(1, 1.0)], 0)] * 9)
    group.publish(0)
    group.publish(1)
    first, second = group.weights(0), group.weights(1)
    group.fold(0)
    # The first came when there was one sender, the second when there were two.
    np.testing.assert_allclose(group.weights(0), first + second / 2, rtol=1e-4)


@settings(deadline=None, max_examples=10)
@given(steps=story(3))
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
@pytest.mark.parametrize("how", ["saturating", "mean"])
def test_no_story_leads_to_numbers_that_are_none(how, optimizer, steps) -> None:
    group = told(Group(model(optimizer), 3, Mixing(divergence=1e-3, how=how)), steps)
    for learner in group.learners:
        state = learner.state()
        assert np.isfinite(state["line"]).all()
        assert np.isfinite(state["exchange"]["line"]).all()


def test_the_summary_tells_of_the_others() -> None:
    group = Group(model(), 2)
    group.learn(0, [([(1, 1.0)], 1)] * 4)
    assert group.learners[0].summary()["divergence"] > 1
    group.exchange()
    assert group.learners[0].summary()["divergence"] == 0
    told_of = group.learners[1].summary()
    assert (told_of["folded"], told_of["learned_elsewhere"], told_of["learned"]) == (1, 4, 0)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"divergence": 0.0}, "is a finite number > 0; write Mixing"),
        ({"divergence": float("nan")}, "is a finite number > 0; write Mixing"),
        ({"look_every": 0}, "a whole number of labels > 0; write Mixing"),
        ({"look_every": 1.5}, "a whole number of labels > 0; write Mixing"),
        ({"how": "average"}, 'no such way to mix; write Mixing\\(how="saturating"\\)'),
    ],
)
def test_a_mixing_that_cannot_be_says_what_to_write(wrong, text) -> None:
    with pytest.raises(ValueError, match=text):
        Mixing(**wrong)


def test_a_model_that_cannot_mix_says_which_can() -> None:
    assert mixes(Logistic())
    assert not mixes(object())
    with pytest.raises(ValueError, match="write Logistic or Linear"):
        mixed(object(), 0, 0, Mixing())
