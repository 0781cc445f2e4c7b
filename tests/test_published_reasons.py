"""Reasons are published with decisions alone, and are those of the weights that made the score."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slicing import begun, cuts, pieces, slice_of

from models import (
    FTRL,
    AdaGrad,
    Averaged,
    Clock,
    Cross,
    Hashed,
    Linear,
    Logistic,
    Number,
    Text,
    Tokens,
)
from models.codes import code
from streams import DeclarationError, Event, Labels, Pipeline, Threshold, Topic
from streams.explaining import watched
from streams.predictions import Prediction

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


class Visit(Event, frozen=True):
    id: str
    page: str
    seconds: float | None
    said: str
    tags: list[str]
    at: datetime
    bought: bool


FEATURES = [
    Hashed("page"),
    Text("said"),
    Number("seconds", scale="standard"),
    Cross("page", "said"),
    Tokens("tags"),
    Clock("at", ["hour"]),
]


def shop(**changed: Any) -> Pipeline:
    own: dict[str, Any] = {
        "name": "shop",
        "events": Topic("visits", schema=Visit, id="id", time="at"),
        "labels": "bought",
        "features": FEATURES,
        "model": Logistic(bits=10, optimizer=AdaGrad(0.5)),
        "decide": Threshold(0.55),
    }
    return Pipeline(**{**own, **changed})


def visits(draw: Any, most: int = 60) -> list[bytes]:
    made = draw(
        st.lists(
            st.tuples(
                st.sampled_from("abc"),
                st.none() | st.floats(-9, 9),
                st.sampled_from(["", "hot deal", "deal", "größer"]),
                st.lists(st.sampled_from("xyz"), max_size=3),
                st.booleans(),
            ),
            min_size=1,
            max_size=most,
        )
    )
    return [
        msgspec.json.encode(
            Visit(f"v{n}", page, seconds, said, tags, BEGIN + timedelta(minutes=n), bought)
        )
        for n, (page, seconds, said, tags, bought) in enumerate(made)
    ]


def read(value: bytes) -> Prediction:
    return msgspec.json.decode(value, type=Prediction)


FAST = Logistic(bits=10, optimizer=AdaGrad(0.5))
MODELS = [FAST, Averaged({"fast": FAST, "other": Logistic(bits=10, optimizer=FTRL(0.5))})]


@pytest.mark.parametrize("model", MODELS, ids=["logistic", "averaged"])
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_they_are_the_largest_that_an_audit_finds_and_none_where_nothing_is_decided(model, data):
    events = visits(data.draw)
    pipeline = shop(model=model, reasons=3)
    task, other, plain = begun(pipeline), begun(pipeline), begun(shop(model=model))
    log = slice_of(events, "visits")
    published = [
        value
        for part in pieces([log], data.draw(cuts(len(events))))
        for value in task.take(part).predictions.values
    ]
    for value, part in zip(published, log.pieces(1), strict=True):
        output, why = watched(other, part)
        assert list(output.predictions.values) == [value]
        found = read(value)
        raising = [it for it in why.reasons if it.amount > 0]
        expected = [it.amount for it in raising][:3] if found.decision else []
        assert [it.adds for it in found.reasons] == pytest.approx(expected, abs=1e-9)
        for one in found.reasons:
            assert one.adds == pytest.approx(
                next(it.amount for it in raising if it.code == one.code), abs=1e-9
            )
    without = [re.sub(rb'"reasons":\[.*?\],', b"", value) for value in published]
    version, bare = task.pipeline.model_version, plain.pipeline.model_version
    assert [it.replace(version.encode(), bare.encode()) for it in without] == list(
        plain.take(log).predictions.values
    )


def test_the_weights_are_those_of_the_moment_of_the_score():
    pipeline = shop(
        labels=Labels("sales", time="at", matures_after="1h", otherwise=1),
        decide=Threshold(0.5),
        features=[Hashed("page")],
        reasons=1,
    )
    task = begun(pipeline)
    events = [
        msgspec.json.encode(Visit(f"v{n}", "a", 1.0, "", [], BEGIN + timedelta(hours=n), True))
        for n in range(6)
    ]
    # In one plan, silence is learned between the scores: each score has weights of its own.
    values = task.take(slice_of(events, "visits")).predictions.values
    adds = [[it.adds for it in read(value).reasons] for value in values]
    assert adds[0] == []
    assert adds[1:] == sorted(adds[1:])
    assert len({*map(tuple, adds)}) > 4
    assert read(values[-1]).reasons[0].code == code("page")


def test_without_them_a_prediction_and_a_fingerprint_are_what_they_were():
    assert "reasons" not in shop().describe()
    assert shop().model_version != shop(reasons=1).model_version
    [value] = (
        begun(shop())
        .take(slice_of([msgspec.json.encode(Visit("v", "a", 1.0, "", [], BEGIN, True))], "visits"))
        .predictions.values
    )
    assert b"reasons" not in value


NUMERIC = {
    "model": Linear(), "labels": "seconds", "features": [Hashed("page")], "decide": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"reasons": -1}, "how many reasons"),
        ({"reasons": True}, "how many reasons"),
        ({**NUMERIC, "reasons": 1}, "of a Linear"),
    ],
)
def test_where_there_can_be_none_it_is_said(changed, words):
    with pytest.raises(DeclarationError, match=words):
        shop(**changed)


def test_weighing_changes_nothing_that_is_learned():
    events = [
        msgspec.json.encode(Visit(f"v{n}", "ab"[n % 2], n * 1.0, "hot", ["x"], BEGIN, n % 3 == 0))
        for n in range(200)
    ]
    with_reasons, plain = begun(shop(reasons=3)), begun(shop())
    with_reasons.take(slice_of(events, "visits"))
    plain.take(slice_of(events, "visits"))
    one, other = with_reasons.image().state, plain.image().state
    assert np.array_equal(one["learner"]["line"], other["learner"]["line"])
    assert one.keys() == other.keys()
