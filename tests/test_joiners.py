"""Several sources of labels: each learner learns an id at most once, one of them every event."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from walks import law, memories, moments, names, runs

from models.column import listed
from models.protocol import LEARN, Plan
from models.textcolumn import TextColumn
from streams.image import Image, pack, plain
from streams.joiner import Joiner
from streams.joiners import Joiners

SOURCES = ("desk", "bank", "card")
BANK = 1

verdicts = st.tuples(
    names, st.sampled_from([0, 1, None]), moments, st.sampled_from(range(len(SOURCES)))
)
judged = st.lists(st.tuples(names, moments) | verdicts, max_size=60)
waits = st.sampled_from([6.0, 20.0])


class Walk:
    """Joiners and their plan so far: ``("score", row)``, ``("learn", row, target, source, at)``."""

    def __init__(self, matures_after: float, remember: int) -> None:
        self.joiners = Joiners(SOURCES, "bank", matures_after, 0, remember)
        self.steps: list[tuple[Any, ...]] = []
        self.row = 0

    def take(self, run: list[tuple[Any, ...]]) -> Walk:
        plan = Plan()
        if len(run[0]) == 2:
            ids, times = zip(*run, strict=True)
            at = self.joiners.events(TextColumn.of(list(ids)), np.array(times), self.row, plan)
            self.row += len(run)
        else:
            ids, targets, times, numbers = zip(*run, strict=True)
            at = self.joiners.labels(
                TextColumn.of(list(ids)), list(targets), np.array(times), plan,
                np.array(numbers, np.int8),
            )  # fmt: skip
        assert plan.source is not None
        learned = zip(listed(plan.target), plan.source.tolist(), at.tolist(), strict=True)
        self.steps += [
            ("learn", row, *next(learned)) if op == LEARN else ("score", row)
            for op, row in zip(plan.op, plan.row, strict=True)
        ]
        assert next(learned, None) is None
        return self

    def of(self, source: int) -> list[tuple[Any, ...]]:
        """What one learner is told to do."""
        return [step for step in self.steps if step[0] == "score" or step[3] == source]

    def image(self) -> bytes:
        return pack(Image(1, "", 0, {}, self.joiners.state()))


def walked(log, matures_after: float = 6.0, remember: int = 1_000, *, cut: bool = False) -> Walk:
    walk = Walk(matures_after, remember)
    for run in runs(log):
        for part in [[record] for record in run] if cut else [run]:
            walk.take(part)
    return walk


@law
@given(judged, waits, memories)
def test_where_the_log_is_cut_makes_no_difference_to_any_learner(log, matures_after, remember):
    whole, cut = (walked(log, matures_after, remember, cut=cut) for cut in (False, True))
    assert [cut.of(n) for n in range(3)] == [whole.of(n) for n in range(3)]
    assert cut.image() == whole.image()


@law
@given(judged, st.integers(0, 60), waits, memories)
def test_restored_joiners_go_on_like_those_they_were_made_of(log, at, matures_after, remember):
    through, first, copy = (Walk(matures_after, remember) for _ in range(3))
    for number, run in enumerate(runs(log)):
        through.take(run)
        if number < at:
            first.take(run)
        else:
            if number == at:
                copy.steps, copy.row = first.steps, first.row
                copy.joiners.restore(plain(first.joiners.state()))
            copy.take(run)
    if at < len(runs(log)):
        assert copy.steps == through.steps
        assert copy.image() == through.image()


@law
@given(judged, waits)
def test_a_learner_learns_an_event_at_most_once_and_one_learns_every_event(log, matures_after):
    end = [("the day of judgement", 1e9), ("the day after", 2e9)]
    walk = walked([*log, *end], matures_after)
    learned = [[step[1] for step in walk.of(n) if step[0] == "learn"] for n in range(3)]
    for rows in learned:
        assert len(rows) == len(set(rows))
    ids = [record[0] for record in [*log, *end] if len(record) == 2]
    assert sorted(learned[BANK]) == sorted({ids.index(name) for name in ids} - {len(ids) - 1})


@law
@given(judged, waits, memories, st.sampled_from([0, 2]))
def test_a_learner_of_one_source_is_taught_as_if_there_were_no_other(
    log, matures_after, remember, source
):
    alone = Joiner(matures_after, None, remember)
    steps, row = [], 0
    for run in runs(log):
        plan = Plan()
        own = [record for record in run if len(record) == 2 or record[3] == source]
        if not own:
            continue
        ids, *others = zip(*own, strict=True)
        if len(own[0]) == 2:
            at = alone.events(TextColumn.of(list(ids)), np.array(others[0]), row, plan)
            row += len(own)
        else:
            targets, times, _ = others
            at = alone.labels(TextColumn.of(list(ids)), list(targets), np.array(times), plan)
        learned = zip(listed(plan.target), at.tolist(), strict=True)
        for op, number in zip(plan.op, plan.row, strict=True):
            if op == LEARN:
                target, when = next(learned)
                steps.append(("learn", number, target, source, when))
            else:
                steps.append(("score", number))
    assert walked(log, matures_after, remember).of(source) == steps


def test_feedback_teaches_its_own_learner_at_once_and_the_whole_one_as_the_event_matures():
    walk = walked([("z", 0.0), ("a", 20.0), ("a", 1, 20.0, 0), ("y", 26.0)])
    assert walk.steps == [
        ("score", 0),
        ("learn", 0, 0, BANK, 20.0),
        ("score", 1),
        ("learn", 1, 1, 0, 20.0),
        ("learn", 1, 1, BANK, 26.0),
        ("score", 2),
    ]


def test_a_chargeback_teaches_at_once_whatever_feedback_said():
    walk = walked([("z", 0.0), ("a", 20.0), ("a", 0, 20.0, 0), ("a", 1, 21.0, BANK), ("y", 22.0)])
    assert walk.steps[-3:] == [
        ("learn", 1, 0, 0, 20.0),
        ("learn", 1, 1, BANK, 22.0),
        ("score", 2),
    ]


def test_feedback_after_an_event_has_matured_comes_too_late():
    walk = walked([("z", 0.0), ("a", 20.0), ("y", 27.0), ("a", 1, 27.0, 0)])
    assert walk.of(0) == [("score", 0), ("score", 1), ("score", 2)]
    assert walk.joiners.outcomes == {"matured": 2, "revised": 1}


def test_the_oldest_row_is_kept_until_no_source_waits_for_it():
    walk = walked([("z", 0.0), ("a", 20.0), ("a", 1, 20.0, BANK)])
    assert len(walk.joiners) == 0
    assert walk.joiners.oldest(9) == 1
    walk.take([("y", 26.0)])
    assert walk.joiners.oldest(9) == 2
