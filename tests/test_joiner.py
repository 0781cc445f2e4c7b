"""Tests of streams.joiner: its rules, and that it is the plain joiner, only faster and smaller."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_joiner import Joiner as PlainJoiner

from models.column import listed
from models.protocol import LEARN, Plan
from models.textcolumn import TextColumn
from streams.image import Image, pack, plain
from streams.joiner import Joiner

law = settings(deadline=None)


@dataclass
class Walk:
    """A joiner and its plan so far: ``("score", row)``, ``("learn", row, target, watermark)``."""

    joiner: Any
    steps: list[tuple[Any, ...]] = field(default_factory=list)
    row: int = 0

    def events(self, *pairs: tuple[str, float]) -> Walk:
        plan = Plan()
        ids, times = [identity for identity, _ in pairs], [at for _, at in pairs]
        if isinstance(self.joiner, Joiner):
            ids, times = TextColumn.of(ids), np.array(times, np.float64)
        self._note(plan, self.joiner.events(ids, times, self.row, plan))
        self.row += len(pairs)
        return self

    def labels(self, *triples: tuple[str, Any, float]) -> Walk:
        plan = Plan()
        ids, targets, times = ([triple[n] for triple in triples] for n in range(3))
        if isinstance(self.joiner, Joiner):
            ids, targets, times = TextColumn.of(ids), column(targets), np.array(times, np.float64)
        self._note(plan, self.joiner.labels(ids, targets, times, plan))
        return self

    def _note(self, plan: Plan, learned_at: Any) -> None:
        learned = iter(zip(listed(plan.target), listed(learned_at), strict=True))
        self.steps += [
            ("learn", row, *next(learned)) if op == LEARN else ("score", row)
            for op, row in zip(plan.op, plan.row, strict=True)
        ]
        assert next(learned, None) is None

    @property
    def learned(self) -> list[tuple[int, Any]]:
        return [(step[1], step[2]) for step in self.steps if step[0] == "learn"]


def column(values: list[Any]) -> Any:
    """As a decoder would lay it out: text in one buffer, numbers of one type in an array."""
    kinds = set(map(type, values))
    if kinds == {str}:
        return TextColumn.of(values)
    if kinds in ({bool}, {float}) or (kinds == {int} and max(map(abs, values)) < 2**63):
        return np.array(values)
    return values


def walk(matures_after: float | None = None, remember: int = 1_000, otherwise: Any = 0) -> Walk:
    return Walk(Joiner(matures_after, None if matures_after is None else otherwise, remember))


def plain_walk(matures_after: float | None, remember: int, otherwise: Any = 0) -> Walk:
    otherwise = None if matures_after is None else otherwise
    return Walk(PlainJoiner(matures_after, otherwise, remember))


def outcomes(walked: Walk) -> dict[str, int]:
    return {name: n for name, n in walked.joiner.outcomes.items() if n}


def image(walked: Walk) -> bytes:
    """Every bit of the state, as it is stored."""
    return pack(Image(1, "", 0, {}, walked.joiner.state()))


def exact(steps: list[tuple[Any, ...]]) -> str:
    """Tells True from 1 and 1.0, and 0.0 from -0.0."""
    return repr(steps)


# Events have even times, labels odd dates, so that no two are of the same moment.
names = st.sampled_from("abcdefgh")
events = st.tuples(names, st.integers(0, 30).map(lambda n: 2.0 * n))
labels = st.tuples(names, st.sampled_from([0, 1]), st.integers(0, 40).map(lambda n: 2.0 * n + 1))
logs = st.lists(events | labels, max_size=40)
maturities = st.sampled_from([None, 6.0, 20.0])
memories = st.sampled_from([1, 3, 1_000])

# Few moments, so that labels, maturities and events fall together; targets of every type.
moments = st.integers(0, 12).map(float) | st.floats(-1e6, 1e6, width=32)
texts = st.sampled_from(["genuine", "fraud", "vrač", ""])
numbers = st.sampled_from([0.0, -0.0, 1.0, 0.5, 2.0**53, 1e100, -(2.0**63)])
wholes = st.sampled_from([0, 1, 2**53, 2**53 + 1, 2**63 - 1, -(2**63), 2**70])
kinds = st.sampled_from([st.booleans(), wholes, numbers | st.floats(-9, 9), texts])
targets = st.one_of(st.booleans(), wholes, numbers, texts)
any_names = st.sampled_from("abcdefghijkl") | st.text(max_size=20)


def any_logs(target: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    event, label = st.tuples(any_names, moments), st.tuples(any_names, target, moments)
    return st.lists(event | label, max_size=80)


def replay(walked: Walk, log) -> Walk:
    for record in log:
        walked.events(record) if len(record) == 2 else walked.labels(record)
    return walked


def runs(log):
    """Stretches of the log that are of one kind."""
    found: list[list] = []
    for record in log:
        if found and len(found[-1][0]) == len(record):
            found[-1].append(record)
        else:
            found.append([record])
    return found


def test_a_label_is_learned_once_events_have_reached_its_date():
    walked = walk().labels(("a", 1, 5.0)).events(("a", 0.0), ("b", 4.0))
    assert walked.learned == []
    walked.events(("c", 5.0))
    assert walked.steps == [
        ("score", 0),
        ("score", 1),
        ("learn", 0, 1, 5.0),
        ("score", 2),
    ]
    assert outcomes(walked) == {"joined": 1}


def test_a_late_label_is_learned_as_it_comes():
    walked = walk().events(("a", 0.0), ("b", 9.0)).labels(("a", 1, 5.0))
    assert walked.steps[-1] == ("learn", 0, 1, 9.0)


def test_a_label_dated_before_its_event_waits_for_it_and_is_learned_after_it_is_scored():
    walked = walk().events(("a", 10.0)).labels(("b", 1, 3.0))
    assert outcomes(walked) == {"early": 1}
    walked.events(("b", 12.0))
    assert walked.steps[-2:] == [("score", 1), ("learn", 1, 1, 12.0)]
    assert outcomes(walked) == {"early": 1, "joined": 1}


@pytest.mark.parametrize(("second", "outcome"), [(1, "duplicate"), (0, "revised")])
def test_a_second_label_of_what_is_learned_changes_nothing(second, outcome):
    walked = walk().events(("a", 0.0), ("b", 9.0)).labels(("a", 1, 1.0), ("a", second, 2.0))
    assert walked.learned == [(0, 1)]
    assert outcomes(walked) == {"joined": 1, outcome: 1}


def test_of_two_labels_that_come_before_their_event_the_later_one_counts():
    walked = walk().events(("z", 9.0)).labels(("a", 1, 1.0), ("a", 0, 2.0)).events(("a", 9.0))
    assert walked.learned == [(1, 0)]
    assert outcomes(walked) == {"early": 1, "revised": 1, "joined": 1}


def test_an_id_that_comes_again_is_scored_again_and_learned_once():
    walked = walk().events(("a", 0.0), ("a", 1.0), ("b", 9.0)).labels(("a", 1, 2.0))
    walked.events(("a", 10.0))
    assert walked.steps == [
        ("score", 0),
        ("score", 1),
        ("score", 2),
        ("learn", 0, 1, 9.0),
        ("score", 3),
    ]
    assert outcomes(walked) == {"repeated-event": 2, "joined": 1}


def test_silence_is_learned_when_it_has_lasted():
    walked = walk(10.0).events(("a", 0.0), ("b", 2.0), ("c", 10.0), ("d", 11.0), ("e", 12.5))
    assert walked.steps == [
        ("score", 0),
        ("score", 1),
        ("learn", 0, 0, 10.0),
        ("score", 2),
        ("score", 3),
        ("learn", 1, 0, 12.5),
        ("score", 4),
    ]
    assert outcomes(walked) == {"matured": 2}


def test_without_maturity_silence_is_never_learned():
    walked = walk().events(*((str(day), day * 1e6) for day in range(50)))
    assert walked.learned == []
    assert len(walked.joiner) == 50


def test_a_label_that_comes_after_silence_was_learned_is_a_revision():
    walked = walk(10.0).events(("a", 0.0), ("b", 20.0)).labels(("a", 1, 15.0), ("a", 0, 16.0))
    assert walked.learned == [(0, 0)]
    assert outcomes(walked) == {"matured": 1, "revised": 1, "duplicate": 1}


def test_before_the_first_event_matures_complaints_wait_for_silence_to_be_learned_with_them():
    walked = walk(10.0).events(("a", 0.0), ("b", 1.0), ("c", 5.0)).labels(("b", 1, 4.0))
    assert walked.learned == []
    walked.events(("d", 10.5))
    assert walked.learned == [(0, 0)]
    walked.events(("e", 12.0)).labels(("d", 1, 11.0))
    assert walked.learned == [(0, 0), (1, 1), (3, 1)]
    assert outcomes(walked) == {"matured": 1, "joined": 2}


def test_a_complaint_that_waits_can_be_revised():
    walked = walk(10.0).events(("a", 0.0), ("b", 3.0)).labels(("a", 1, 1.0), ("a", 0, 2.0))
    walked.events(("c", 10.0))
    assert walked.learned == [(0, 0)]
    assert outcomes(walked) == {"revised": 1, "joined": 1}


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
