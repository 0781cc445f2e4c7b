"""The laws of the joiner: and that it is the plain one, only faster and smaller."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from walks import (
    Walk,
    any_logs,
    events,
    exact,
    image,
    kinds,
    labels,
    law,
    logs,
    maturities,
    memories,
    outcomes,
    plain_walk,
    replay,
    runs,
    targets,
    walk,
)

from models.protocol import Plan
from models.textcolumn import TextColumn
from streams.image import plain
from streams.joiner import Joiner


@law
@given(logs, maturities, memories)
def test_where_the_log_is_cut_makes_no_difference(log, matures_after, remember):
    one_by_one = replay(walk(matures_after, remember), log)
    at_once = walk(matures_after, remember)
    for run in runs(log):
        at_once.events(*run) if len(run[0]) == 2 else at_once.labels(*run)
    assert at_once.steps == one_by_one.steps
    assert image(at_once) == image(one_by_one)


@law
@given(logs, st.integers(0, 40), maturities, memories)
def test_a_restored_joiner_goes_on_like_the_one_it_was_made_of(log, at, matures_after, remember):
    through = replay(walk(matures_after, remember), log)
    first = replay(walk(matures_after, remember), log[:at])
    copy = Walk(walk(matures_after, remember).joiner, first.steps, first.row)
    copy.joiner.restore(plain(first.joiner.state()))
    replay(copy, log[at:])
    assert copy.steps == through.steps
    assert image(copy) == image(through)


@law
@given(
    st.lists(events, max_size=20).map(lambda found: sorted(found, key=lambda event: event[1])),
    st.lists(labels, max_size=20, unique_by=lambda label: label[2]),
    maturities,
    st.randoms(use_true_random=False),
)
def test_labels_read_ahead_in_any_order_are_learned_as_live_traffic_would_have_been(
    happened, told, matures_after, chance
):
    by_date = sorted(happened + told, key=lambda record: record[-1])
    live = replay(walk(matures_after), by_date)
    shuffled = list(told)
    chance.shuffle(shuffled)
    ahead = walk(matures_after).labels(*shuffled).events(*happened)
    for walked in (live, ahead):
        walked.events(("the day of judgement", 1e9))
    assert ahead.steps == live.steps
    assert outcomes(ahead) == outcomes(live)


@law
@given(logs, maturities)
def test_labels_that_come_twice_are_learned_once(log, matures_after):
    once = replay(walk(matures_after), log)
    doubled = [copy for record in log for copy in [record] * (1 + (len(record) == 3))]
    twice = replay(walk(matures_after), doubled)
    assert twice.steps == once.steps


@law
@given(logs, maturities, memories)
def test_no_row_is_learned_before_it_is_scored_or_twice(log, matures_after, remember):
    walked = replay(walk(matures_after, remember), log)
    scored: set[int] = set()
    learned: set[int] = set()
    for kind, row, *_ in walked.steps:
        if kind == "score":
            scored.add(row)
        else:
            assert row in scored - learned
            learned.add(row)
    assert scored == set(range(walked.row))


@law
@given(logs, maturities, memories)
def test_every_event_comes_to_one_end(log, matures_after, remember):
    walked = replay(walk(matures_after, remember), log)
    ends = walked.joiner.outcomes
    finished = sum(ends[name] for name in ("joined", "matured", "evicted", "repeated-event"))
    assert walked.row == finished + len(walked.joiner)


@law
@given(logs, maturities, memories)
def test_the_oldest_row_that_waits_is_known(log, matures_after, remember):
    walked = replay(walk(matures_after, remember), log)
    waiting = walked.joiner.state()["pending"]["number"]
    assert walked.joiner.oldest(-1) == min(waiting, default=-1)


@law
@given(logs, maturities, st.integers(1, 4))
def test_what_is_remembered_is_bounded(log, matures_after, remember):
    walked = walk(matures_after, remember)
    for record in log:
        replay(walked, [record])
        state = walked.joiner.state()
        assert all(len(state[name]["id"]) <= remember for name in ("pending", "early", "settled"))
        assert walked.joiner.ahead == len(state["waiting"]["id"])


def test_what_falls_out_of_memory_is_counted():
    walked = walk(remember=2).events(("a", 0.0), ("b", 1.0), ("c", 2.0))
    assert outcomes(walked) == {"evicted": 1}
    walked.labels(("a", 1, 1.0), ("x", 1, 1.0), ("y", 1, 1.0))
    assert outcomes(walked) == {"evicted": 1, "early": 3, "orphan": 1}


@law
@given(
    st.data(),
    maturities,
    st.sampled_from([1, 2, 5, 1_000]),
    targets,
    st.booleans(),
    st.sampled_from([2, 3, 32_768]),
)
def test_it_does_what_the_plain_joiner_does(data, matures_after, remember, otherwise, mixed, room):
    log = data.draw(any_logs(targets if mixed else data.draw(kinds)))
    with patch("streams.joiner._STEPS", room):  # as many as a kernel writes at a time
        ours = walk(matures_after, remember, otherwise)
    theirs = plain_walk(matures_after, remember, otherwise)
    for run in runs(log):
        for walked in (ours, theirs):
            walked.events(*run) if len(run[0]) == 2 else walked.labels(*run)
        assert exact(ours.steps) == exact(theirs.steps)
        assert outcomes(ours) == outcomes(theirs)
        for name in ("watermark", "newest", "ahead"):
            assert getattr(ours.joiner, name) == getattr(theirs.joiner, name)
        assert len(ours.joiner) == len(theirs.joiner)
        assert ours.joiner.oldest(-1) == theirs.joiner.oldest(-1)


@law
@given(any_logs(targets), st.integers(0, 80), maturities, memories, targets)
def test_a_state_holds_every_kind_of_target(log, at, matures_after, remember, otherwise):
    log = [it for it in log if it[1] != 2**70]  # an image holds integers of 64 bits
    otherwise = None if otherwise == 2**70 else otherwise
    through = replay(walk(matures_after, remember, otherwise), log)
    first = replay(walk(matures_after, remember, otherwise), log[:at])
    copy = Walk(walk(matures_after, remember, otherwise).joiner, first.steps, first.row)
    copy.joiner.restore(plain(first.joiner.state()))
    replay(copy, log[at:])
    assert exact(copy.steps) == exact(through.steps)
    assert image(copy) == image(through)


few = st.sampled_from("abcd")
close = st.integers(0, 14).map(float)
held = st.tuples(few, st.sampled_from([0, 1, None]), close, st.booleans())


@settings(deadline=None, max_examples=300)
@given(
    st.lists(st.tuples(few, close) | held, min_size=8, max_size=60),
    st.integers(0, 20),
    st.sampled_from([None, 3.0, 6.0]),
    st.sampled_from([1, 2, 5, 1_000]),
    st.sampled_from([0, None]),
    st.sampled_from([None, 0.0, 5.0]),
    st.sampled_from([3, 32_768]),
)
def test_held_retracted_and_corrected_labels_are_as_in_the_plain_joiner(
    log, at, matures_after, remember, otherwise, correctable, room
):
    correctable = None if matures_after is None else correctable
    with patch("streams.joiner._STEPS", room):
        ours = walk(matures_after, remember, otherwise, holds=True, correctable=correctable)
    theirs = plain_walk(matures_after, remember, otherwise, correctable)
    for number, run in enumerate(runs(log)):
        for walked in (ours, theirs):
            walked.events(*run) if len(run[0]) == 2 else walked.labels(*run)
        if number == at:
            ours.joiner.restore(plain(ours.joiner.state()))
        assert exact(ours.steps) == exact(theirs.steps)
        assert outcomes(ours) == outcomes(theirs)
        assert len(ours.joiner) == len(theirs.joiner)
        assert ours.joiner.oldest(-1) == theirs.joiner.oldest(-1)


def long_log(seed: int, jitter: float, late: float) -> list[list[tuple[Any, ...]]]:
    """Slices of 6,000 events a second apart with delayed labels: some early, some out of order."""
    chance = np.random.default_rng(seed)
    at = np.arange(6_000.0)
    ids = [f"tx-{n}" for n in chance.integers(0, 12_000, len(at)).tolist()]
    times = (at + chance.normal(0, jitter, len(at))).tolist()
    dates = (at + chance.exponential(late, len(at)) - late / 4).tolist()
    told = chance.random(len(at)) < 0.7
    events = list(zip(ids, times, strict=True))
    labels = [
        (identity, int(n % 3), date)
        for n, (identity, date) in enumerate(zip(ids, dates, strict=True))
        if told[n]
    ]
    labels.sort(key=lambda label: label[2] + chance.normal(0, jitter))
    slices = [events[n : n + 500] for n in range(0, len(events), 500)]
    slices += [labels[n : n + 700] for n in range(0, len(labels), 700)]
    return sorted(slices, key=lambda cut: cut[0][-1] + chance.normal(0, late))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("jitter", "late"), [(0.0, 500.0), (300.0, 3_000.0)])
@pytest.mark.parametrize("remember", [100, 2_000, 100_000])
def test_a_long_log_makes_it_grow_and_sweep_and_changes_nothing(seed, jitter, late, remember):
    matures_after = None if seed % 3 == 0 else 1_000.0
    ours, theirs = walk(matures_after, remember), plain_walk(matures_after, remember)
    for cut in long_log(seed, jitter, late):
        for walked in (ours, theirs):
            walked.events(*cut) if len(cut[0]) == 2 else walked.labels(*cut)
        ours.joiner.restore(ours.joiner.state()) if seed == 5 else None
    assert ours.steps == theirs.steps
    assert outcomes(ours) == outcomes(theirs)


def test_memory_that_was_needed_once_is_used_again():
    walked, sizes = walk(1_000.0, remember=500), []
    for day in range(12):
        at = day * 2_000
        walked.events(*((f"e{n}", float(n)) for n in range(at, at + 2_000)))
        walked.labels(*((f"e{n}", 1, n + 700.0) for n in range(at, at + 2_000, 3)))
        sizes.append(walked.joiner.memory)
    assert len(set(sizes[4:])) == 1


def test_targets_that_are_not_used_any_more_are_forgotten():
    walked = walk(remember=10)
    for n in range(0, 50_000, 1_000):
        names = [f"e{m}" for m in range(n, n + 1_000)]
        walked.events(*((name, float(n)) for name in names))
        walked.labels(*((name, f"class of {name}", float(n)) for name in names[-5:]))
        walked.labels(*((f"x{name}", f"class of {name}", float(n)) for name in names))
    state = walked.joiner.state()
    assert len(state["values"]) == 15
    assert len(walked.joiner._scalars._numbers) < 15_000
    assert walked.learned[-1] == (49_999, "class of e49999")


def test_columns_of_different_lengths_are_refused():
    joiner, ids = Joiner(None, None, 10), TextColumn.of(["a", "b"])
    with pytest.raises(ValueError, match="2 ids came with 1 times"):
        joiner.events(ids, np.zeros(1), 0, Plan())
    with pytest.raises(ValueError, match="2 ids came with 1 targets"):
        joiner.labels(ids, [1], np.zeros(2), Plan())
