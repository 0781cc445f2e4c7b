"""What a task answers to a slice of its log, what it counts, and what it refuses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from river import naive_bayes
from shop_pipelines import BEGIN, NUMBERS, PIPELINES, WEIGHED, Chance, Sale, Visit, shop, visit
from slicing import begun, rows, slice_of

from models import Hashed, Logistic
from streams import DeclarationError, Event, Labels, Pipeline, Threshold, Topic
from streams.image import ImageError
from streams.letters import DeadLetter
from streams.predictions import Prediction
from streams.slices import Slice
from streams.task import OffsetGapError, Output, PartitionTask


def test_a_slice_beyond_the_position_is_refused():
    task = begun(shop())
    task.take(slice_of([visit()], "visits"))
    with pytest.raises(OffsetGapError, match=r"was read up to 1, the next .* is 3"):
        task.take(slice_of([visit()], "visits", 3))


def test_a_gap_that_compaction_or_a_transaction_left_is_none():
    task = begun(shop())
    sparse = Slice("visits", 0, 0, 9, [4], [None], [visit()], [0])
    assert len(task.take(sparse).predictions) == 1
    assert task.positions["visits"] == 9
    assert len(task.take(Slice("visits", 0, 9, 12, [], [], [], [])).predictions) == 0
    assert task.positions["visits"] == 12


def test_an_event_is_scored_with_its_position_key_time_and_headers():
    task = begun(shop(decide=Threshold(0.6)))
    record = slice_of([visit(id="v7")], "visits", 0, [b"card-\xff"], [5], [[("trace", b"1")]])
    output = task.take(record)
    [row] = rows(output.predictions)
    assert (row.key, row.timestamp, row.headers) == (b"card-\xff", 5, (("trace", b"1"),))
    assert msgspec.json.decode(row.value, type=Prediction) == Prediction(
        id="v7",
        key="card-\N{REPLACEMENT CHARACTER}",
        score=0.5,
        decision=False,
        model=task.pipeline.model_version,
        learned=0,
        at=BEGIN,
        partition=0,
        offset=0,
    )
    assert output.events == 1


def test_an_event_without_a_time_of_its_own_has_its_records():
    task = begun(shop(events=Topic("visits", schema=Visit, id="id"), labels="bought"))
    [row] = rows(task.take(slice_of([visit()], "visits", timestamps=[86_400_000])).predictions)
    assert msgspec.json.decode(row.value, type=Prediction).at == datetime(1970, 1, 2, tzinfo=UTC)


def test_a_prediction_tells_how_much_was_learned_before_it():
    task = begun(shop(labels="bought"))
    values = [visit(bought=bought) for bought in (True, None, False, True)]
    known = [
        msgspec.json.decode(row.value)["learned"]
        for row in rows(task.take(slice_of(values, "visits")).predictions)
    ]
    assert known == [0, 1, 1, 2]
    assert task.learned == 3


def test_the_reasons_and_outcomes_of_a_slice_are_counted():
    task = begun(shop())
    output = task.take(slice_of([visit(id="a"), b"{", None, visit(id="a")], "visits"))
    assert output.reasons == {"malformed": 1, "null-value": 1}
    assert output.outcomes == {"repeated-event": 1}
    sale = {"id": "a", "bought": 1, "at": BEGIN}
    output = task.take(slice_of([msgspec.json.encode(sale), b"[]"], "sales"))
    assert output.reasons == {"schema": 1}
    assert task.pending == 1


def test_a_label_that_the_model_cannot_learn_is_turned_away_with_its_event():
    class Tagged(Event, frozen=True):
        word: str
        tag: int

    pipeline = Pipeline(
        name="tags",
        events=Topic("words", schema=Tagged),
        labels="tag",
        features=[Hashed("word")],
        model=Logistic(bits=4),
    )
    task = begun(pipeline)
    values = [b'{"word":"a","tag":1}', b'{"word":"a","tag":2}', b'{"word":"a","tag":0}']
    output = task.take(slice_of(values, "words"))
    assert (output.events, output.learned, output.reasons) == (2, 2, {"label": 1})
    [row] = rows(output.dead_letters)
    letter = DeadLetter.of(row)
    assert (letter.offset, letter.reason) == (1, "label")
    assert "a binary model knows True/False or 1/0" in letter.detail


def test_an_image_of_another_pipeline_or_partition_is_refused():
    image = begun(shop()).image()
    with pytest.raises(ImageError, match=r"is of shop-\w+, partition 0; this pipeline is shop-"):
        PartitionTask(shop(seed=1), 0).restore(image)
    with pytest.raises(ImageError, match=r"partition 0; this pipeline is .*, partition 1"):
        PartitionTask(shop(), 1).restore(image)


def test_outcomes_are_of_their_own_slice_though_nothing_waits_for_a_label():
    at_once = Labels("sales", schema=Sale, value="bought", time="at")
    task = begun(shop(labels=at_once))
    task.take(slice_of([visit(id="a")], "visits"))
    sale = msgspec.json.encode({"id": "a", "bought": 1, "at": BEGIN})
    told = [task.take(slice_of([sale], "sales", n)).outcomes for n in range(3)]
    assert task.pending == 0
    assert told == [{"joined": 1}, {"duplicate": 1}, {"duplicate": 1}]


def test_the_output_of_nothing_is_nothing():
    assert begun(shop()).take(slice_of([], "visits")) == Output()


def test_a_label_from_an_unknown_source_is_turned_away():
    task = begun(PIPELINES["sources"])
    verdict = {"id": "a", "bought": 1, "at": BEGIN, "by": "nobody"}
    output = task.take(slice_of([msgspec.json.encode(verdict)], "sales"))
    [row] = rows(output.dead_letters)
    letter = DeadLetter.of(row)
    assert (letter.reason, letter.detail) == ("label", "source 'nobody' is none of desk, till")


def test_an_event_that_two_sources_have_taught_is_measured_once():
    task = begun(PIPELINES["sources"])
    early, late = BEGIN, BEGIN + timedelta(hours=3)
    task.take(slice_of([visit(id="z", at=early), visit(id="a", at=late)], "visits"))
    told = [
        msgspec.json.encode({"id": "a", "bought": 1, "at": late, "by": by})
        for by in ("desk", "till")
    ]
    task.take(slice_of(told, "sales"))
    assert task.learned == 3
    assert task.quality.summary()["labels"] == 2
    assert task.learner.summary()["learned_from_desk"] == 1
    assert task.learner.summary()["learned_from_till"] == 2


def test_an_event_that_is_learned_again_is_measured_once():
    task = begun(PIPELINES["corrected"])
    late = BEGIN + timedelta(minutes=40)
    task.take(slice_of([visit(id="a"), visit(id="z", at=late)], "visits"))
    sale = {"id": "a", "bought": 1, "at": late}
    task.take(slice_of([msgspec.json.encode(sale)], "sales"))
    assert task.learned == 2
    assert task.quality.summary()["labels"] == 1


def test_a_label_counts_as_often_as_its_event_stands_for_others():
    values = [
        visit(id="a"),
        visit(id="b", let_through=0.25),
        visit(id="z", at=BEGIN + timedelta(days=7)),
    ]
    values[1:1] = [visit(id="c", let_through=0.0)]
    task = begun(PIPELINES["weighed"])
    task.learner = learner = Logistic(bits=6).new(0)
    plans = []
    task.learner.run = lambda plan, rows: (
        plans.append(plan) or type(learner).run(learner, plan, rows)
    )
    output = task.take(slice_of(values, "visits"))
    assert output.reasons == {"number": 1}
    assert plans[0].weight.tolist() == [1.0, 4.0]


def test_weights_need_a_model_that_learns_with_them():
    with pytest.raises(DeclarationError, match="takes no weight"):
        shop(
            events=Topic("visits", schema=Chance, id="id", time="at"),
            labels=WEIGHED,
            features=NUMBERS,
            model=naive_bayes.GaussianNB(),
        )
