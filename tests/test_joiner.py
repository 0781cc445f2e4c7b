from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.protocol import LEARN, Plan
from streams.image import plain
from streams.joiner import Joiner


@dataclass
class Walk:
    """A joiner and its plan so far: ``("score", row)``, ``("learn", row, target, watermark)``."""

    joiner: Joiner
    steps: list[tuple[Any, ...]] = field(default_factory=list)
    row: int = 0

    def events(self, *pairs: tuple[str, float]) -> Walk:
        plan = Plan()
        ids, times = [identity for identity, _ in pairs], [at for _, at in pairs]
        self._note(plan, self.joiner.events(ids, times, self.row, plan))
        self.row += len(pairs)
        return self

    def labels(self, *triples: tuple[str, Any, float]) -> Walk:
        plan = Plan()
        columns = [[triple[n] for triple in triples] for n in range(3)]
        self._note(plan, self.joiner.labels(*columns, plan))
        return self

    def _note(self, plan: Plan, learned_at: list[float]) -> None:
        learned = iter(zip(plan.target, learned_at, strict=True))
        self.steps += [
            ("learn", row, *next(learned)) if op == LEARN else ("score", row)
            for op, row in zip(plan.op, plan.row, strict=True)
        ]
        assert next(learned, None) is None

    @property
    def learned(self) -> list[tuple[int, Any]]:
        return [(step[1], step[2]) for step in self.steps if step[0] == "learn"]


def walk(matures_after: float | None = None, remember: int = 1_000) -> Walk:
    return Walk(Joiner(matures_after, None if matures_after is None else 0, remember))


def outcomes(walked: Walk) -> dict[str, int]:
    return {name: n for name, n in walked.joiner.outcomes.items() if n}


# Events have even times, labels odd dates, so that no two are of the same moment.
names = st.sampled_from("abcdefgh")
events = st.tuples(names, st.integers(0, 30).map(lambda n: 2.0 * n))
labels = st.tuples(names, st.sampled_from([0, 1]), st.integers(0, 40).map(lambda n: 2.0 * n + 1))
logs = st.lists(events | labels, max_size=40)
maturities = st.sampled_from([None, 6.0, 20.0])
memories = st.sampled_from([1, 3, 1_000])


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


@given(logs, maturities, memories)
def test_where_the_log_is_cut_makes_no_difference(log, matures_after, remember):
    one_by_one = replay(walk(matures_after, remember), log)
    at_once = walk(matures_after, remember)
    for run in runs(log):
        at_once.events(*run) if len(run[0]) == 2 else at_once.labels(*run)
    assert at_once.steps == one_by_one.steps
    assert at_once.joiner.state() == one_by_one.joiner.state()


@given(logs, st.integers(0, 40), maturities, memories)
def test_a_restored_joiner_goes_on_like_the_one_it_was_made_of(log, at, matures_after, remember):
    through = replay(walk(matures_after, remember), log)
    first = replay(walk(matures_after, remember), log[:at])
    copy = Walk(walk(matures_after, remember).joiner, first.steps, first.row)
    copy.joiner.restore(plain(first.joiner.state()))
    replay(copy, log[at:])
    assert copy.steps == through.steps
    assert copy.joiner.state() == through.joiner.state()


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


@given(logs, maturities)
def test_labels_that_come_twice_are_learned_once(log, matures_after):
    once = replay(walk(matures_after), log)
    doubled = [copy for record in log for copy in [record] * (1 + (len(record) == 3))]
    twice = replay(walk(matures_after), doubled)
    assert twice.steps == once.steps


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


@given(logs, maturities, memories)
def test_every_event_comes_to_one_end(log, matures_after, remember):
    walked = replay(walk(matures_after, remember), log)
    ends = walked.joiner.outcomes
    finished = sum(ends[name] for name in ("joined", "matured", "evicted", "repeated-event"))
    assert walked.row == finished + len(walked.joiner)


@given(logs, maturities, memories)
def test_the_oldest_row_that_waits_is_known(log, matures_after, remember):
    walked = replay(walk(matures_after, remember), log)
    waiting = [row for _, row in walked.joiner.state()["pending"]]
    assert walked.joiner.oldest(-1) == min(waiting, default=-1)


@given(logs, maturities, st.integers(1, 4))
def test_what_is_remembered_is_bounded(log, matures_after, remember):
    walked = walk(matures_after, remember)
    for record in log:
        replay(walked, [record])
        state = walked.joiner.state()
        assert all(len(state[name]) <= remember for name in ("pending", "early", "settled"))
        assert len(state["judged"]) <= len(state["pending"])
        assert len(state["maturing"]) <= 2 * remember
        assert walked.joiner.ahead == len(state["waiting"])


def test_what_falls_out_of_memory_is_counted():
    walked = walk(remember=2).events(("a", 0.0), ("b", 1.0), ("c", 2.0))
    assert outcomes(walked) == {"evicted": 1}
    walked.labels(("a", 1, 1.0), ("x", 1, 1.0), ("y", 1, 1.0))
    assert outcomes(walked) == {"evicted": 1, "early": 3, "orphan": 1}
