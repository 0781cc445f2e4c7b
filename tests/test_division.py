"""A partition's state is divided: nothing is forgotten, nothing learned twice, nothing anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from zlib import crc32

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shop_pipelines import BEGIN, PIPELINES, visit
from slicing import begun, rows, slice_of

from models.digests import digests
from models.protocol import LEARN
from models.textcolumn import TextColumn
from streams.division import HASHES, Owners, children, divided, parents, waiting
from streams.image import pack, unpack
from streams.task import PartitionTask

LABELLED = [
    "adagrad", "corrected", "corrected-sources", "label-rates", "measured",
    "sources", "weighed", "windows",
]  # fmt: skip
NAMES = "abcdefgh"
LATER = BEGIN + timedelta(hours=3)
"""Then all that came first has been learned."""
PARENT, CHILD = 0, 1
keys = st.lists(st.binary(max_size=20), max_size=30)


@given(keys, st.integers(1, 12), st.integers(2, 5), st.sampled_from(sorted(HASHES)))
def test_a_key_stays_or_goes_to_a_child_of_its_partition(keys, before, times, name):
    count = before * times
    was, is_now = HASHES[name](keys, before), HASHES[name](keys, count)
    for old, new in zip(was.tolist(), is_now.tolist(), strict=True):
        assert new in [old, *children(old, before, count)]
        assert new == old or old in parents(count, new)


def test_every_new_partition_has_one_parent():
    grown = [child for parent in range(4) for child in children(parent, 4, 12)]
    assert sorted(grown) == [*range(4, 12)]


def test_crc32_is_that_of_librdkafka():
    assert HASHES["crc32"]([b"abc", None], 7).tolist() == [crc32(b"abc") % 7, 0]


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 7), max_size=20), st.text(max_size=3))
def test_owners_are_found_by_the_digests_of_ids(where, other):
    owners = Owners(_ids(where), np.array([*where.values()], np.int64))
    assert owners.of(_ids([*where, other]), -1).tolist() == [*where.values(), where.get(other, -1)]


def _ids(names: Iterable[str]) -> np.ndarray:
    return digests(TextColumn.of([*names]))


def _visits(names: Iterable[str], start: int, begin: datetime) -> Any:
    values = [
        visit(id=name, at=begin + timedelta(minutes=n), seconds=1.0 + n, bought=n % 2 == 0)
        for n, name in enumerate(names)
    ]
    return slice_of(values, "visits", start)


def _sales(told: Iterable[tuple[str, int, int, str]], start: int = 0) -> Any:
    values = [
        msgspec.json.encode(
            {"id": name, "bought": bought, "at": LATER + timedelta(minutes=minutes), "by": by}
        )
        for name, bought, minutes, by in told
    ]
    return slice_of(values, "sales", start)


class _Spied:
    """What a task has its learner learn: which row, as what, of which source."""

    def __init__(self, task: PartitionTask) -> None:
        self.task, self.learned = task, Counter()
        run = task.learner.run

        def noted(plan: Any) -> None:
            op, row = np.frombuffer(plan.op, np.int8), np.frombuffer(plan.row, np.int64)
            source = getattr(plan, "source", None)
            sources = [0] * len(plan.target) if source is None else source.tolist()
            steps = zip(row[op == LEARN].tolist(), list(plan.target), sources, strict=True)
            self.learned.update(steps)

        def spied(plan: Any, rows: Any) -> Any:
            noted(plan)
            return run(plan, rows)

        task.learner.run = spied


sales = st.lists(
    st.tuples(
        st.sampled_from(NAMES), st.sampled_from([0, 1]), st.integers(0, 90),
        st.sampled_from(["desk", "till"]),
    ),
    max_size=8,
)  # fmt: skip


def _grown(name: str, data: Any) -> tuple[PartitionTask, dict[int, PartitionTask], dict[str, int]]:
    """A task that has read some, the two it is divided into, and where each id belongs."""
    pipeline = PIPELINES[name]
    where = {one: data.draw(st.integers(PARENT, CHILD), label=one) for one in NAMES}
    whole = begun(pipeline)
    whole.take(_visits("uvw", 0, BEGIN))
    judged = [("v", 1, -170, "desk"), ("w", 1, -169, "till")]
    if "sales" in pipeline.input_topics:
        whole.take(_sales(judged))
    seen = data.draw(st.integers(1, len(NAMES)), label="seen")
    whole.take(_visits(NAMES[:seen], 3, LATER))
    # Labels of events that are there, some from ahead of time; and of others, too early.
    told = data.draw(sales, label="told") if "sales" in pipeline.input_topics else []
    if told:
        whole.take(_sales(told, len(judged)))
    image = unpack(pack(whole.image()))
    owners = Owners(_ids(where), np.array([*where.values()], np.int64))
    begins = {CHILD: dict(whole.positions)}
    parts = divided(pipeline, image, begins, owners)
    assert [part.partition for part in parts] == [PARENT, CHILD]
    found = {}
    for part in parts:
        task = PartitionTask(pipeline, part.partition)
        task.restore(unpack(pack(part)))
        assert pack(task.image()) == pack(part)
        found[part.partition] = task
    return whole, found, where


@pytest.mark.parametrize("name", LABELLED)
def test_what_waits_is_learned_once_on_one_side_as_it_would_have_been_undivided(name):
    @settings(max_examples=30, deadline=None)
    @given(st.data())
    def holds(data):
        whole, parts, where = _grown(name, data)
        later = data.draw(sales, label="later")
        spied, learned = _Spied(whole), Counter()
        own = {number: _Spied(task) for number, task in parts.items()}
        start = whole.positions["sales"]
        whole.take(_sales(later, start))
        for number, task in parts.items():
            task.take(_sales([it for it in later if where[it[0]] == number], start))
        for task in (whole, *parts.values()):
            # Time goes on, on all sides: what has no label is silent.
            for n, hours in enumerate((5, 9)):
                at = LATER + timedelta(hours=hours)
                task.take(_visits([f"flush {n}"], task.positions["visits"], at))
        flushed = {whole.rows.next - 1, whole.rows.next - 2}
        for one in own.values():
            learned += Counter({it: n for it, n in one.learned.items() if it[0] not in flushed})
        assert learned == Counter({k: n for k, n in spied.learned.items() if k[0] not in flushed})

    holds()


@pytest.mark.parametrize("name", [*LABELLED, "pairs", "river-pipeline", "label-in-the-event"])
def test_both_sides_answer_the_next_event_as_the_undivided_one_would(name):
    """From the same windows and weights: nothing is scored from an empty window."""

    @settings(max_examples=15, deadline=None)
    @given(st.data())
    def holds(data):
        whole, parts, _ = _grown(name, data)
        # Not later than the last one, or labels that wait for their date would be learned first.
        start = whole.positions["visits"]
        coming = _visits(["next"], start, LATER + timedelta(minutes=start - 4))
        expected = rows(whole.take(coming).predictions)
        assert whole.learned
        for task in parts.values():
            got = rows(task.take(coming).predictions)
            values = [msgspec.json.decode(it.value) for it in (*expected, *got)]
            for value in values:
                value.pop("partition", None)
            assert values[0] == values[1]

    holds()


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_what_waits_is_what_can_still_be_learned(data):
    whole, parts, _ = _grown("sources", data)
    ids = {tuple(one) for one in waiting(whole.image()).tolist()}
    divided_ids = [tuple(one) for it in parts.values() for one in waiting(it.image()).tolist()]
    assert Counter(divided_ids) == Counter(ids)
