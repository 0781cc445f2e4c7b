"""A task that is watched answers and learns as one that is not, and what is seen adds up."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from river import anomaly, linear_model, preprocessing, tree
from slicing import begun, rows, slice_of

from models import Cross, Hashed, Linear, Logistic, Number, Window, adapt
from streams import Event, Pipeline, Secret, Topic
from streams.explaining import keyed_like, watched
from streams.finding import AuditError
from streams.image import pack

NUMBERS = [Number("seconds"), Number("pages", scale="standard")]


class Visit(Event, frozen=True):
    id: str
    at: datetime
    who: Secret
    page: str
    seconds: float
    pages: int
    bought: bool


def shop(**changed: Any) -> Pipeline:
    own: dict[str, Any] = {
        "name": "shop",
        "events": Topic("visits", schema=Visit, id="id", key="page", time="at"),
        "labels": "bought",
        "features": [
            *NUMBERS, Hashed("who"), Cross("who", "page"),
            Window("seconds", by="who", over=["1d"], stats=["ratio"]),
        ],
        "model": Logistic(bits=10),
    }  # fmt: skip
    return Pipeline(**{**own, **changed}).unlock(b"for the tests alone")


PIPELINES = {
    "logistic": shop(),
    "linear": shop(labels="seconds", model=Linear(bits=10), features=[Hashed("who")]),
    "river": shop(
        model=preprocessing.StandardScaler() | linear_model.LogisticRegression(), features=NUMBERS
    ),
    "tree": shop(model=tree.HoeffdingTreeClassifier(grace_period=5), features=NUMBERS),
    "classes": shop(
        labels="page", model=adapt(tree.HoeffdingTreeClassifier(), "multiclass"), features=NUMBERS
    ),
    "anomaly": shop(
        labels=None, model=anomaly.HalfSpaceTrees(n_trees=3, height=3, seed=1), features=NUMBERS
    ),
}


def visits(n: int) -> list[bytes]:
    return [
        msgspec.json.encode(
            Visit(
                f"v{i}", datetime(2026, 1, 1, i % 24, tzinfo=UTC), f"w{i % 3}", "ab"[i % 2],
                0.1 * (i % 9), i % 7, i % 3 == 0,
            )
        )
        for i in range(n)
    ]  # fmt: skip


@pytest.mark.parametrize("name", PIPELINES)
def test_watching_changes_nothing_and_the_fields_add_up_to_the_score(name):
    pipeline = PIPELINES[name]
    plain, task = begun(pipeline), begun(pipeline)
    log = slice_of(visits(60), "visits")
    before, event = log.before(59), log.since(59)
    plain.take(before)
    task.take(before)
    output, why = watched(task, event)
    assert rows(output.predictions) == rows(plain.take(event).predictions)
    assert task.learned == plain.learned
    if not pipeline.pickled:
        assert pack(task.image()) == pack(plain.image())
    score = msgspec.json.decode(output.predictions.values[0])["score"]
    whole = math.fsum([why.base, *why.by_field.values()])
    if name == "logistic":
        whole = 1 / (1 + math.exp(-whole))
    assert whole == pytest.approx(score, abs=1e-9)
    assert why.by_field.keys() == set(pipeline.fields)
    assert bool(why.reasons) == (not pipeline.pickled)
    assert why.fields["who"] != "w2"


def test_a_river_model_is_not_asked_where_nobody_wants_to_know():
    _, why = watched(begun(PIPELINES["tree"]), slice_of(visits(1), "visits"), ask=False)
    assert why.by_field is None


def test_the_key_an_event_would_have():
    [event] = visits(1)
    assert keyed_like(shop(), event) == b"a"
    without = shop(events=Topic("visits", schema=Visit, id="id", time="at"))
    assert keyed_like(without, event) is None
    with pytest.raises(AuditError, match="a worker would turn it away"):
        keyed_like(shop(), b"{}")


def test_a_crowded_table_is_said_to_be():
    task = begun(shop(model=Logistic(bits=4)))
    log = slice_of(visits(40), "visits")
    task.take(log.before(39))
    _, why = watched(task, log.since(39))
    assert 0 < why.crowded <= 1
    assert any(one.shares for one in why.reasons)
