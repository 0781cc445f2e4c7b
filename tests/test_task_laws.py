"""A task's state is a function of the log: not of how the log is cut, and not of interruptions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shop_pipelines import BEGIN, PIPELINES, visit
from slicing import begun, cuts, pieces, rows, slice_of

from streams import Pipeline
from streams.image import pack, unpack
from streams.slices import Record, Slice
from streams.task import PartitionTask

minutes = st.integers(0, 150).map(lambda n: BEGIN + timedelta(minutes=n))
names = st.sampled_from("abcdefghijklmnop")
visits = st.builds(
    lambda **fields: ("visits", visit(**fields)),
    id=names,
    page=st.sampled_from(["boots", "hats", "coats"]),
    seconds=st.floats(-1e6, 1e6),
    said=st.sampled_from(["", "one two", "größer als", "two"]),
    at=minutes,
    bought=st.sampled_from([True, False, None]),
    let_through=st.sampled_from([None, None, 1.0, 0.25, 0.0]),
)
sales = st.builds(
    lambda **fields: ("sales", msgspec.json.encode(fields)),
    id=names,
    bought=st.sampled_from([0, 1]),
    at=minutes,
    by=st.sampled_from(["desk", "desk", "till", "nobody"]),
)
retractions = st.builds(
    lambda **fields: ("sales", msgspec.json.encode(fields)),
    id=names,
    bought=st.none(),
    at=minutes,
    by=st.just("desk"),
)
junk = st.tuples(
    st.sampled_from(["visits", "sales"]),
    st.sampled_from(
        [None, b"", b"{", b"{}", b"\xff", b'{"id":"a"}{"id":"b"}', visit(seconds=1e300)]
    ),
)


@st.composite
def logs(draw, pipeline: Pipeline, size: int) -> list[Slice]:
    """Stretches of the events and the labels topic, in the order in which they are read."""
    records = draw(st.lists(st.one_of(visits, visits, sales, retractions, junk), max_size=size))
    ends = dict.fromkeys(pipeline.input_topics, 0)
    log = []
    for topic, group in groupby(records, key=lambda record: record[0]):
        values = [value for _, value in group]
        if topic in ends:
            start = ends[topic]
            ends[topic] += len(values)
            keys = [b"k%d" % (n % 3) if n % 4 else None for n in range(start, ends[topic])]
            headers = [[("n", b"%d" % n)] if n % 5 == 0 else [] for n in range(start, ends[topic])]
            log.append(slice_of(values, topic, start, keys, headers=headers))
    return log


def outcome(task: PartitionTask, log) -> tuple[list[Record], list[Record]]:
    """Everything the task publishes over a log."""
    outputs = [task.take(part) for part in log]
    return (
        [row for output in outputs for row in rows(output.predictions)],
        [row for output in outputs for row in rows(output.dead_letters)],
    )


def handed_over(
    first: PartitionTask, second: PartitionTask, parts: Sequence[Slice], at: int
) -> tuple[list[Record], list[Record]]:
    """Everything that two tasks publish over a log, the second from the first one's image on.

    The first goes on, too, which changes nothing in its image.
    """
    before = outcome(first, parts[:at])
    image = first.image()
    packed = pack(image)
    second.restore(unpack(packed))
    after = outcome(second, parts[at:])
    outcome(first, parts[at:])
    assert pack(image) == packed
    predictions, dead_letters = (a + b for a, b in zip(before, after, strict=True))
    return predictions, dead_letters


def state(task: PartitionTask, *, pickled: bool = True) -> bytes:
    """The image of a task; a River estimator's own bytes can be left out of it."""
    image = task.image()
    learner = image.state["learner"]
    for part in () if pickled else (learner, *learner.get("parts", {}).values()):
        if "pickle" in part:
            part["pickle"] = None
    return pack(image)


def sizes(name: str) -> dict[str, int]:
    river = name.startswith(("river", "anomaly"))
    return {"size": 25 if river else 50, "examples": 20 if river else 50}


@pytest.mark.parametrize("name", PIPELINES)
def test_any_cut_of_a_log_gives_the_same_predictions_and_image_to_the_bit(name):
    pipeline, bounds = PIPELINES[name], sizes(name)

    @settings(max_examples=bounds["examples"], deadline=None)
    @given(st.data())
    def holds(data):
        log = data.draw(logs(pipeline, bounds["size"]))
        whole, cut = begun(pipeline), begun(pipeline)
        at = data.draw(cuts(sum(map(len, log))))
        assert outcome(cut, pieces(log, at)) == outcome(whole, log)
        # Every Gaussian in a River tree has a random source of its own that nobody draws from.
        pickled = name not in ("river-tree", "river-sources")
        assert state(cut, pickled=pickled) == state(whole, pickled=pickled)

    holds()


@pytest.mark.parametrize("name", PIPELINES)
def test_from_its_image_a_task_goes_on_as_if_nothing_had_been_and_without_changing_it(name):
    pipeline, bounds = PIPELINES[name], sizes(name)

    @settings(max_examples=bounds["examples"], deadline=None)
    @given(st.data())
    def holds(data):
        log = data.draw(logs(pipeline, bounds["size"]))
        parts = list(pieces(log, data.draw(cuts(sum(map(len, log))))))
        through, first, second = begun(pipeline), begun(pipeline), PartitionTask(pipeline, 0)
        at = data.draw(st.integers(0, len(parts)))
        assert handed_over(first, second, parts, at) == outcome(through, parts)
        # What a River estimator shares between its parts, one that was read back has twice.
        assert state(second, pickled=False) == state(through, pickled=False)

    holds()


@settings(max_examples=40)
@given(logs(PIPELINES["adagrad"], 40), st.data())
def test_what_comes_a_second_time_is_passed_over(log, data):
    pipeline = PIPELINES["adagrad"]
    once, again = begun(pipeline), begun(pipeline)
    expected = outcome(once, log)
    repeated = [part for part in log for _ in range(data.draw(st.integers(1, 2)))]
    assert outcome(again, repeated) == expected
    assert state(again) == state(once)
