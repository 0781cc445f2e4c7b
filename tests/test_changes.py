"""Which changes of a pipeline keep what it has learned."""

from __future__ import annotations

import msgspec
import pytest
from river.linear_model import LogisticRegression
from test_pipeline import CHANGES, declared, named

from models import Number
from models.estimators import ModelError
from streams import Event, Labels, Pipeline, Threshold, Topic
from streams.changes import changes
from streams.image import ImageError, pack, unpack
from streams.task import PartitionTask

KEEPING = {"another decision", "a rule", "exploration", "a budget", "another limit"}


class Paid(Event, frozen=True):
    """As `test_pipeline.Payment`, with a field that nothing reads."""

    tx_id: str
    customer_id: str
    amount: float
    at: float
    fraud: bool = False
    currency: str = "EUR"


def payments(schema: type[Event]) -> Topic:
    return Topic("payments", schema=schema, id="tx_id", time="at")


def restored(old: Pipeline, new: Pipeline) -> PartitionTask:
    task = PartitionTask(new, 0)
    task.restore(unpack(pack(PartitionTask(old, 0).image())))
    return task


def test_nothing_differs_from_itself():
    assert changes(declared().described, declared()) == []
    assert changes(named().described, named()) == []


@pytest.mark.parametrize("name", CHANGES)
def test_a_decision_keeps_the_state_and_what_shapes_it_does_not(name):
    changed = declared(**CHANGES[name])
    found = changes(declared().described, changed)
    assert found
    assert all(change.keeps for change in found) == (name in KEEPING)
    if name in KEEPING:
        restored(declared(), changed)
    else:
        with pytest.raises(ImageError, match="differs: ") as caught:
            restored(declared(), changed)
        assert all(str(change) in str(caught.value) for change in found if not change.keeps)


def test_a_field_that_nothing_reads_can_come_and_go():
    before = declared(events=payments(declared().events.schema))
    after = declared(events=payments(Paid))
    for old, new in ((before, after), (after, before)):
        [change] = changes(old.described, new)
        assert change.where == "schema.currency"
        assert change.keeps
        restored(old, new)


def test_a_field_that_labels_are_weighed_by_is_read():
    class Told(Paid, frozen=True):
        currency: float = 1.0

    labels = Labels("chargebacks", propensity="currency")
    old = declared(events=payments(Paid))
    found = changes(old.described, declared(events=payments(Told), labels=labels))
    assert {change.where: change.keeps for change in found}["schema.currency"] is False


def test_without_features_a_river_model_reads_all_fields():
    [change] = [
        change
        for change in changes(named().described, named(events=payments(Paid)))
        if change.where.startswith("schema")
    ]
    assert not change.keeps


def test_a_change_is_told_by_its_place_and_both_values():
    found = changes(declared().described, declared(seed=1, decide=Threshold(0.4)))
    assert [str(change) for change in found if change.where == "seed"] == ["seed: 0 → 1"]
    found = changes(declared().described, declared(labels=Labels("chargebacks", remember=10)))
    [change] = found
    assert change.where == "labels.remember"


def test_rivers_parameters_are_told_one_by_one():
    one, other = (
        named(features=[Number("amount")], model=LogisticRegression(l2=l2)) for l2 in (0.0, 0.1)
    )
    [change] = changes(one.described, other)
    assert change.where.startswith("model.estimator")
    assert change.where.endswith("l2")


def test_of_another_river_the_estimator_itself_tells():
    pipeline = named()
    image = PartitionTask(pipeline, 0).image()
    older = {**pipeline.described, "model": {**pipeline.described["model"], "river": "0.1"}}
    state = {**image.state, "learner": {**image.state["learner"], "river": "0.1"}}
    with pytest.raises(ModelError, match=r"this state was made by River 0\.1"):
        PartitionTask(pipeline, 0).restore(
            msgspec.structs.replace(image, described=older, state=state)
        )
