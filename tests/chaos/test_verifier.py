"""The verifier of the campaign can fail: each kind of harm is seen, and called by its name."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from dataclasses import replace
from itertools import islice

import pytest

from streams.image import pack, unpack
from streams.slices import Record, Records, Slice
from streams.task import Output, PartitionTask
from streams.testing import Driver
from tests.chaos import recomputing
from tests.chaos.evidence import Evidence
from tests.chaos.recomputing import rerun
from tests.chaos.traffic import ALONE, KINDS, MIXING
from tests.chaos.verifier import Verdict, verify
from tests.counting import Counting

_EVENTS = 3_000


def witnessed(kind: str) -> Evidence:
    """What an uninterrupted run would leave, its two topics read in turns of random length."""
    pipeline = KINDS[kind].pipeline(f"court-{kind}")
    topics = dict(zip(("events", "labels"), pipeline.input_topics, strict=False))
    inputs: dict[str, list[Record]] = {topic: [] for topic in pipeline.input_topics}
    for message in (one for due in islice(KINDS[kind].traffic(3), _EVENTS) for one in due):
        log = inputs[topics[message.role]]
        log.append(
            Record(
                topics[message.role],
                0,
                len(log),
                message.key,
                message.value,
                message.timestamp,
            )
        )
    entries = journal(inputs)
    steps = [tuple(step) for entry in entries for step in entry["steps"]]
    ends = {topic: len(log) for topic, log in inputs.items()}
    wanted = rerun(pipeline, 0, inputs, steps)
    return Evidence(
        pipeline,
        {topic: {0: log} for topic, log in inputs.items()},
        {0: [json.dumps(entry).encode() for entry in entries]},
        {topic: {0: end} for topic, end in ends.items()},
        {0: written(pipeline.predictions_topic, wanted.predictions)},
        {0: written(pipeline.dead_letters_topic, wanted.letters)},
        {0: pack(wanted.task.image())},
    )


def journal(inputs: dict[str, list[Record]]) -> list[dict]:
    """Entries of a few steps each, to the ends of the topics."""
    draw, at, entries = random.Random(5), dict.fromkeys(inputs, 0), []
    while any(at[topic] < len(log) for topic, log in inputs.items()):
        begin, steps = dict(at), []
        for topic, log in inputs.items():
            upto = min(len(log), at[topic] + draw.randrange(1, 200))
            if upto > at[topic]:
                at[topic] = upto
                steps.append([topic, upto])
        entries.append({"begin": begin, "steps": steps})
    return entries


def written(topic: str, records: Records) -> list[Record]:
    headers = records.headers or [()] * len(records)
    columns = zip(records.keys, records.values, records.timestamps, headers, strict=True)
    return [
        Record(topic, 0, offset, bytes(key), bytes(value), int(timestamp), tuple(own))
        for offset, (key, value, timestamp, own) in enumerate(columns)
    ]


@pytest.fixture(scope="module", params=ALONE)
def sound(request: pytest.FixtureRequest) -> Evidence:
    return witnessed(request.param)


@pytest.fixture
def evidence(sound: Evidence) -> Evidence:
    """A copy that may be tampered with."""
    return replace(
        sound,
        journal={0: list(sound.journal[0])},
        committed={topic: dict(own) for topic, own in sound.committed.items()},
        predictions={0: list(sound.predictions[0])},
        dead_letters={0: list(sound.dead_letters[0])},
        images=dict(sound.images),
    )


def counts(verdict: Verdict) -> tuple[int, int, int, int]:
    return verdict.lost, verdict.duplicated, verdict.learned_twice, verdict.learned_never


def edited(record: Record, change: Callable[[dict], None]) -> Record:
    value = json.loads(record.value)
    change(value)
    return replace(record, value=json.dumps(value, separators=(",", ":")).encode())


def test_what_an_uninterrupted_run_leaves_holds(evidence):
    verdict = verify(evidence)
    assert verdict.problems == []
    assert verdict.holds
    assert 0.98 * _EVENTS < verdict.events == verdict.predictions < _EVENTS
    assert len(evidence.dead_letters[0]) >= _EVENTS - verdict.events > 0


def test_the_load_has_labels_of_every_fate():
    state = unpack(witnessed("judged").images[0]).state
    fates = {fate for fate, count in state["joiner"]["outcomes"].items() if count}
    assert fates >= {"joined", "early", "matured", "duplicate", "revised"}


def test_a_lost_prediction_is_seen(evidence):
    del evidence.predictions[0][100]
    verdict = verify(evidence)
    assert counts(verdict) == (1, 0, 0, 0)
    assert not verdict.state_equal


def test_a_prediction_published_twice_is_seen(evidence):
    evidence.predictions[0].insert(200, evidence.predictions[0][100])
    verdict = verify(evidence)
    assert verdict.duplicated == 1
    assert not verdict.holds


def test_two_predictions_in_the_wrong_order_are_seen(evidence):
    predictions = evidence.predictions[0]
    predictions[7], predictions[8] = predictions[8], predictions[7]
    assert not verify(evidence).state_equal


def test_a_score_that_differs_by_one_bit_is_seen(evidence):
    def flip(prediction: dict) -> None:
        prediction["score"] = math.nextafter(prediction["score"], 1)

    evidence.predictions[0][100] = edited(evidence.predictions[0][100], flip)
    verdict = verify(evidence)
    assert counts(verdict) == (0, 0, 0, 0)
    assert not verdict.state_equal


@pytest.mark.parametrize(("by", "expected"), [(1, (0, 0, 1, 0)), (-1, (0, 0, 0, 1))])
def test_a_label_learned_twice_or_never_is_seen(evidence, by, expected):
    def shift(prediction: dict) -> None:
        prediction["learned"] += by

    predictions = evidence.predictions[0]
    evidence.predictions[0] = [
        *predictions[:1_500],
        *(edited(prediction, shift) for prediction in predictions[1_500:]),
    ]
    image = unpack(evidence.images[0])
    state = {**image.state, "learned": image.state["learned"] + by}
    evidence.images[0] = pack(type(image)(image.format, image.model, 0, image.positions, state))
    verdict = verify(evidence)
    assert counts(verdict) == expected
    assert not verdict.state_equal


class Forgetful(PartitionTask):
    """Reads every fiftieth label as if it were the one before."""

    def take(self, records: Slice) -> Output:
        if records.topic != self.pipeline.events.name:
            values = list(records.values)
            for place, offset in enumerate(records.offsets):
                if place and offset % 50 == 0:
                    values[place] = values[place - 1]
            records = replace(records, values=values)
        return super().take(records)


def test_labels_that_the_task_itself_forgets_are_seen(monkeypatch):
    """A rerun cannot tell, for it forgets them as well: the joiner in plain Python can."""
    monkeypatch.setattr(recomputing, "PartitionTask", Forgetful)
    verdict = verify(witnessed("judged"))
    assert verdict.state_equal
    assert verdict.learned_never > 0
    assert not verdict.holds


def test_a_state_that_differs_in_a_weight_is_seen(evidence):
    image = unpack(evidence.images[0])
    learner = dict(image.state["learner"])
    name, weights = next((n, w) for n, w in learner.items() if getattr(w, "size", 0) > 100)
    weights[weights.nonzero()[0][0]] *= 1 + 2**-52
    state = {**image.state, "learner": {**learner, name: weights}}
    evidence.images[0] = pack(type(image)(image.format, image.model, 0, image.positions, state))
    verdict = verify(evidence)
    assert counts(verdict) == (0, 0, 0, 0)
    assert not verdict.state_equal


def test_an_image_that_is_missing_is_seen(evidence):
    evidence.images[0] = b""
    assert not verify(evidence).state_equal


def test_a_bad_record_without_its_dead_letter_and_one_with_two_are_seen(evidence):
    letters = evidence.dead_letters[0]
    letters[0] = letters[1]
    assert counts(verify(evidence))[:2] == (1, 1)


def test_a_group_that_has_not_committed_everything_is_seen(evidence):
    evidence.committed[evidence.pipeline.events.name][0] -= 1
    assert not verify(evidence).state_equal


def test_a_journal_with_a_gap_and_one_that_goes_back_are_seen(evidence):
    entries = evidence.journal[0]
    for tampered in (entries[:3] + entries[4:], entries[:4] + entries[3:]):
        assert not verify(replace(evidence, journal={0: tampered})).state_equal


@pytest.fixture(scope="module", params=MIXING)
def mixed(request: pytest.FixtureRequest) -> Evidence:
    """What workers leave whose partitions learn as one, after crashes."""
    kind = KINDS[request.param]
    pipeline = kind.pipeline(f"court-{request.param}")
    driver, numbers = Driver(pipeline, partitions=2), range(2)
    topics = dict(zip(("events", "labels"), pipeline.input_topics, strict=False))
    sent: list[Record] = []
    for number, due in enumerate(islice(kind.traffic(3), _EVENTS // 2)):
        sent += [
            driver.send(topics[it.role], it.value, key=it.key, timestamp=it.timestamp) for it in due
        ]
        if number % 50 == 49:
            driver.run(20, order=pipeline.consumed_topics)
        if number % 400 == 399:
            driver.crash()

    def log(topic: str, number: int) -> list[Record]:
        return [it for it in sent if (it.topic, it.partition) == (topic, number)]

    return Evidence(
        pipeline,
        {topic: {n: log(topic, n) for n in numbers} for topic in pipeline.input_topics},
        {n: [entry.encode() for entry in driver.journal(n)] for n in numbers},
        {
            topic: {n: driver.state(n).positions[topic] for n in numbers}
            for topic in pipeline.input_topics
        },
        {n: [it.raw for it in driver.predictions if it.partition == n] for n in numbers},
        {n: [it.raw for it in driver.dead_letters if it.raw.partition == n] for n in numbers},
        {n: pack(driver.state(n)) for n in numbers},
        driver.deltas,
    )


def test_deltas_that_each_took_over_once_hold(mixed):
    verdict = verify(mixed)
    assert verdict.problems == []
    assert verdict.holds
    assert verdict.deltas > 10


def test_a_delta_that_is_gone_and_one_that_is_there_twice_are_seen(mixed):
    gone = verify(replace(mixed, deltas=mixed.deltas[:-3] + mixed.deltas[-1:]))
    assert not gone.holds
    assert any("cannot be computed again" in problem for problem in gone.problems)
    last = replace(mixed.deltas[-1], offset=mixed.deltas[-1].offset + 1)
    assert verify(replace(mixed, deltas=[*mixed.deltas, last])).duplicated == 1


@pytest.mark.parametrize(("by", "seen"), [(1, "duplicated"), (-1, "lost")])
def test_a_delta_taken_over_twice_or_not_at_all_is_seen(mixed, by, seen):
    if not isinstance(mixed.pipeline.model, Counting):
        pytest.skip("what this model has taken over is no sum")
    image = unpack(mixed.images[1])
    learner = {**image.state["learner"], "mixed": image.state["learner"]["mixed"] + by}
    state = {**image.state, "learner": learner}
    tampered = pack(type(image)(image.format, image.model, 1, image.positions, state))
    verdict = verify(replace(mixed, images={**mixed.images, 1: tampered}))
    assert getattr(verdict, seen) > 0
    assert not verdict.state_equal
