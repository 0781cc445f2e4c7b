"""A task's state is a function of the log: not of how the log is cut, and not of interruptions."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import anomaly, compose, linear_model, naive_bayes, preprocessing, tree
from slicing import begun, cuts, pieces, rows, slice_of

from models import (
    FTRL,
    SGD,
    AdaGrad,
    BySource,
    Clock,
    Cross,
    Hashed,
    LabelRate,
    Linear,
    Logistic,
    Number,
    Pairwise,
    Spikes,
    Text,
    Undersampled,
    Weighted,
    Window,
)
from streams import (
    AlertBudget,
    Bands,
    DeclarationError,
    Event,
    Field,
    Labels,
    Measure,
    Pipeline,
    Rule,
    Score,
    Threshold,
    Topic,
)
from streams.image import ImageError, pack, unpack
from streams.letters import DeadLetter
from streams.predictions import Prediction
from streams.slices import Record, Slice
from streams.task import OffsetGapError, Output, PartitionTask

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
WEEK = timedelta(days=7)


class Visit(Event, frozen=True):
    id: str
    page: Literal["boots", "hats", "coats"]
    seconds: float
    said: str
    at: datetime
    bought: bool | None = None


class Sale(Event, frozen=True):
    id: str
    bought: Literal[0, 1]
    at: datetime


class Verdict(Sale, frozen=True):
    by: str
    bought: Literal[0, 1, None]


EVENTS = Topic("visits", schema=Visit, id="id", time="at")
FEATURES = [
    Hashed("page"),
    Number("seconds", scale="standard"),
    Cross("page", "said"),
    Text("said"),
    Clock("at", ["hour", "weekday"]),
]
WINDOWS = [
    Window(
        "seconds", by="page", over=["10m", "1h"], stats=["mean", "std", "max", "ratio"],
        late="20m", remember=8, scale="standard",
    ),
    Window("said", by="page", over=["30m"], stats=["distinct", "since_last"]),
]  # fmt: skip
RATES = [
    LabelRate(by="page", over=["20m", "1h"], delay="1h", scale=None),
    LabelRate(by="said", over=["90m"], delay="70m", stats=["positives"], remember=3),
    Spikes("seconds", by="page", above=1.5, usual="90m", over=["30m", "1h"], late="20m"),
]
RULES = [
    Rule("never", Field("seconds") > 1e5, then=True),
    Rule("boots", (Field("page") == "boots") & (Score() > 0.45), then=False),
    Rule("words", Field("said").isin(["two", "größer als"]), then=True, shadow=True),
]
MEASURE = Measure(per_day=2, one_per="page", days=3, amount="seconds", by=["page", "said"])
NUMBERS = [Number("seconds"), Number("seconds", scale="log", name="log")]


def shop(**changed: Any) -> Pipeline:
    """A pipeline whose labels come by a topic of their own and mature after an hour."""
    own: dict[str, Any] = {
        "name": "shop",
        "events": EVENTS,
        "labels": Labels(
            "sales", schema=Sale, value="bought", time="at", matures_after="1h", otherwise=0,
            remember=12,
        ),
        "features": FEATURES,
        "model": Logistic(bits=6),
    }  # fmt: skip
    return Pipeline(**{**own, **changed})


VERDICTS = Labels(
    "sales", schema=Verdict, value="bought", time="at", source="by",
    matures_after="1h", otherwise=0, remember=12,
)  # fmt: skip


class Chance(Visit, frozen=True):
    let_through: float | None = None


WEIGHED = Labels(
    "sales", schema=Sale, value="bought", time="at", matures_after="1h", otherwise=0,
    propensity="let_through", remember=12,
)  # fmt: skip

CORRECTED = Labels(
    "sales", schema=Sale, value="bought", time="at",
    matures_after="30m", otherwise=0, correctable="1h", remember=12,
)  # fmt: skip

PIPELINES = {
    "corrected": shop(labels=CORRECTED),
    "weighed": shop(
        events=Topic("visits", schema=Chance, id="id", time="at"),
        labels=WEIGHED,
        model=Weighted(Undersampled(Logistic(bits=6), keep=0.5), {1: 3.0}),
    ),
    "corrected-sources": shop(
        labels=dataclasses.replace(VERDICTS, matures_after="30m", correctable="1h", hold=True),
        model=BySource({"desk": Logistic(bits=6), "till": Logistic(bits=6)}, "till"),
    ),
    "sources": shop(
        labels=VERDICTS,
        model=BySource(
            {"desk": Logistic(bits=6), "till": Logistic(bits=6, optimizer=SGD(0.1))},
            "till",
            weights={"desk": 2.0},
            average="log-odds",
        ),
    ),
    "river-sources": shop(
        labels=VERDICTS,
        features=NUMBERS,
        model=BySource(
            {"till": tree.HoeffdingTreeClassifier(), "desk": linear_model.LogisticRegression()},
            "till",
        ),
    ),
    "sgd": shop(model=Logistic(bits=6, optimizer=SGD(0.1), l2=1e-3)),
    "adagrad": shop(model=Logistic(bits=6, optimizer=AdaGrad(0.1), l1=1e-3)),
    "ftrl": shop(model=Logistic(bits=6, optimizer=FTRL(alpha=0.1, l1=1e-2)), decide=Threshold(0.4)),
    "budget": shop(decide=AlertBudget(per_day=3, one_per="page"), rules=RULES, explore=0.3),
    "bands": shop(
        labels="bought",
        decide=Bands({"approve": 0, "ask": 0.4, "decline": 0.5}),
        rules=[Rule("nobody", Field("said") == "", then="decline")],
        explore=0.3,
    ),
    "windows": shop(features=WINDOWS),
    "measured": shop(decide=Threshold(0.4), measure=MEASURE),
    "measured-inside": shop(labels="bought", measure=MEASURE),
    "reasons": shop(decide=Threshold(0.5), reasons=2),
    "pairs": shop(
        features=[Number("seconds"), *RATES, Hashed("page")],
        model=Pairwise((3, 5), AdaGrad(0.1), bits=6),
        decide=Threshold(0.4),
        reasons=3,
    ),
    "reasons-at-once": shop(labels="bought", decide=Threshold(0.4), reasons=9),
    "river-windows": shop(
        features=WINDOWS[:1],
        model=preprocessing.StandardScaler() | linear_model.LogisticRegression(),
    ),
    "label-rates": shop(features=RATES),
    "river-label-rates": shop(
        features=RATES,
        model=preprocessing.StandardScaler() | linear_model.LogisticRegression(),
    ),
    "label-rates-of-labels-in-the-event": shop(labels="bought", features=RATES),
    "label-in-the-event": shop(labels="bought"),
    "regression": shop(labels="seconds", features=[Hashed("page")], model=Linear(bits=6)),
    "river-tree": shop(
        model=tree.HoeffdingTreeClassifier(grace_period=2, delta=0.4, leaf_prediction="nba"),
        features=NUMBERS,
    ),
    "river-pipeline": shop(
        model=preprocessing.StandardScaler() | linear_model.LogisticRegression(), features=NUMBERS
    ),
    "river-one-hot": shop(
        model=compose.Select("page")
        | preprocessing.OneHotEncoder()
        | linear_model.LogisticRegression(),
        features=None,
    ),
    "anomaly": shop(
        labels=None, model=anomaly.HalfSpaceTrees(n_trees=3, height=3, seed=1), features=NUMBERS
    ),
}


def visit(**changed: Any) -> bytes:
    own = {"id": "v", "page": "boots", "seconds": 1.5, "said": "hello", "at": BEGIN}
    return msgspec.json.encode({**own, **changed})


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
        before = outcome(first, parts[:at])
        image = first.image()
        packed = pack(image)
        second.restore(unpack(packed))
        after = outcome(second, parts[at:])
        outcome(first, parts[at:])
        assert pack(image) == packed
        assert tuple(a + b for a, b in zip(before, after, strict=True)) == outcome(through, parts)
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
    values = [visit(id="a"), visit(id="b", let_through=0.25), visit(id="z", at=BEGIN + WEEK)]
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
