from __future__ import annotations

from datetime import datetime
from typing import Literal

import pytest
from river.anomaly import HalfSpaceTrees
from river.tree import HoeffdingTreeClassifier

from models import BySource, LabelRate, Linear, Logistic, Number
from streams import DeclarationError, Event, Labels, Pipeline, Topic


class Payment(Event, frozen=True):
    tx_id: str
    amount: float


class Numbered(Event, frozen=True):
    tx_id: int
    amount: float


class Chargeback(Event, frozen=True):
    tx_id: str
    fraud: bool
    at: datetime | None = None
    verdict: str = ""
    maybe: bool | None = None


class Bloom(Event, frozen=True):
    amount: float
    species: Literal["setosa", "virginica"]
    grade: Literal[1, 2, 3]
    flag: Literal[0, 1]
    price: float
    count: int
    maybe: bool | None = None


def declared(labels, *, model=None, schema=Payment, **topic) -> Pipeline:
    return Pipeline(
        name="fraud",
        events=Topic("payments", schema=schema, **{"id": "tx_id", **topic}),
        labels=labels,
        features=[Number("amount")],
        model=model or Logistic(bits=4),
    )


def inside(label: str, model=None) -> Pipeline:
    return declared(label, model=model, schema=Bloom, id=None)


def refused(make, *given, **named) -> DeclarationError:
    with pytest.raises(DeclarationError) as caught:
        make(*given, **named)
    return caught.value


def test_labels_of_a_topic_are_joined_by_the_fields_they_name():
    labels = Labels("chargebacks", schema=Chargeback, id="tx_id", value="fraud", time="at")
    pipeline = declared(labels)
    assert pipeline.label_topic is labels
    assert pipeline.label_field is None
    assert pipeline.input_topics == ("payments", "chargebacks")


def test_a_labels_topic_without_a_schema_takes_the_usual_message():
    assert declared(Labels("chargebacks")).label_topic.time == "at"


@pytest.mark.parametrize("label", ["flag", "price", "count", "maybe"])
def test_a_label_inside_the_event_is_one_of_its_fields(label):
    pipeline = inside(label)
    assert (pipeline.label_field, pipeline.label_topic) == (label, None)
    assert pipeline.input_topics == ("payments",)


def test_an_unknown_label_field_is_answered_with_the_nearest():
    assert refused(inside, "flags").write == "labels='flag'"


def test_a_labels_topic_needs_events_with_an_id():
    assert str(refused(declared, Labels("chargebacks"), id=None)) == (
        "labels=Labels('chargebacks', …), but Topic('payments', …) has no id=\n"
        "  why:   a label finds its event by an id that both of them carry\n"
        "  write: Topic('payments', schema=Payment, id=\"tx_id\")"
    )


def test_a_label_without_the_id_field_is_told_which_one_it_has():
    error = refused(declared, Labels("chargebacks", schema=Chargeback, value="fraud"))
    assert error.given == "Labels('chargebacks', id='id'): Chargeback has no field 'id'"
    assert error.write == "Labels('chargebacks', id=\"tx_id\", …)"


def test_an_unknown_value_field_is_answered_with_the_nearest():
    error = refused(declared, Labels("chargebacks", schema=Chargeback, id="tx_id", value="frauds"))
    assert error.given == "Labels('chargebacks', value='frauds'): no field is called 'frauds'"
    assert error.write == "Labels('chargebacks', value='fraud')"


def test_a_label_of_a_topic_may_be_missing_which_retracts_what_was_said():
    labels = Labels("chargebacks", schema=Chargeback, id="tx_id", value="maybe")
    assert declared(labels).label_topic is labels


def by_source(**changed) -> Labels:
    own = {"schema": Chargeback, "id": "tx_id", "value": "fraud", "matures_after": "7d"}
    return Labels("chargebacks", **{**own, "otherwise": 0, "source": "verdict", **changed})


APART = BySource({"desk": Logistic(bits=4), "bank": Logistic(bits=4)}, "bank")


def test_labels_of_several_sources_teach_a_model_of_each():
    assert declared(by_source(), model=APART).model.sources == ("desk", "bank")


def test_sources_without_a_model_of_each_are_refused():
    error = refused(declared, by_source())
    assert error.given == "Labels('chargebacks', source='verdict') and one model for all sources"
    assert error.write.startswith('model=BySource({"investigator": …, "chargeback": …}')


@pytest.mark.parametrize("labels", [by_source(source=None), "flag"])
def test_a_model_of_each_source_needs_labels_that_tell_theirs(labels):
    schema = Bloom if labels == "flag" else Payment
    error = refused(
        declared, labels, model=APART, schema=schema, id=None if labels == "flag" else "tx_id"
    )
    assert error.given == "model=BySource(…) for labels from desk, bank without Labels(source=…)"
    assert 'source="source"' in error.write


def test_sources_need_a_time_at_which_an_event_matures():
    error = refused(declared, by_source(matures_after=None, otherwise=None), model=APART)
    assert "would wait for the others for ever" in error.why
    assert error.write.endswith("source='verdict', matures_after=\"7d\", otherwise=0)")


def test_a_source_is_a_text_that_is_never_missing():
    error = refused(declared, by_source(source="maybe"), model=APART)
    assert error.given == "Labels('chargebacks', source='maybe'), and maybe is bool | None"
    assert error.why == "a source is str, never missing"


def test_ids_of_different_types_never_meet():
    error = refused(declared, Labels("chargebacks"), schema=Numbered)
    assert error.given == "Label.id is str, Numbered.tx_id is int"
    assert error.why == "a label whose id is of another type never finds its event"
    assert error.write == "id: int    # in the schema= of Labels"


@pytest.mark.parametrize(
    ("label", "model", "told", "words", "instead"),
    [
        ("grade", Logistic(bits=4), "Literal[1, 2, 3]", "true or false, 1 or 0", "grade: bool"),
        ("flag", Linear(bits=4), "Literal[0, 1]", "numbers", "flag: float"),
        ("maybe", Linear(bits=4), "bool | None", "numbers", "maybe: float"),
    ],
)
def test_a_label_is_of_a_type_the_model_learns(label, model, told, words, instead):
    error = refused(inside, label, model)
    assert error.given == f"the label {label} is {told}"
    assert error.why == f"{type(model).__name__} is a {model.kind} model: it learns {words}"
    assert error.write == instead


def test_classes_are_told_how_a_model_of_two_learns_several():
    error = refused(inside, "species", Logistic(bits=4))
    assert error.given == "the label species is Literal['setosa', 'virginica']"
    assert error.write == "species: bool, or model=OneVsRestClassifier(Logistic(…))"


def test_silence_means_a_label_like_any_other():
    error = refused(declared, Labels("chargebacks", matures_after="7d", otherwise="genuine"))
    assert error.given == "Labels('chargebacks', otherwise='genuine')"
    assert "True/False or 1/0" in error.why
    assert error.write == "otherwise=0"


class Sale(Event, frozen=True):
    tx_id: str
    shop: str
    at: datetime
    kind: Literal["a", "b"] = "a"
    price: float = 0.0


def rated(labels, *, model=None, **changed) -> Pipeline:
    rate = LabelRate(**{"by": "shop", "over": ["1d"], "delay": "7d", **changed})
    topic = Topic("sales", schema=Sale, id="tx_id", time="at")
    model = model or Logistic(bits=4)
    return Pipeline(name="sales", events=topic, labels=labels, features=[rate], model=model)


def test_label_rates_are_of_labels_that_are_known_after_their_delay():
    week = Labels("frauds", matures_after="7d", otherwise=0)
    for pipeline in (
        rated(week),
        rated(Labels("frauds"), delay="1h"),
        rated("price", model=Linear(bits=4)),
    ):
        assert pipeline.new_encoder().fields == ("shop",)
    error = refused(rated, week, delay="6d")
    assert "silence means 0 after 7d" in error.given
    assert "complaints alone" in error.why
    assert "delay='7d'" in error.write
    assert rated(week, delay="8d").fingerprint != rated(week).fingerprint


def test_label_rates_of_classes_or_of_no_labels_are_refused():
    forest = HoeffdingTreeClassifier()
    assert "classes have no mean" in refused(rated, "kind", model=forest).why
    error = refused(rated, None, model=HalfSpaceTrees())
    assert "there are no labels" in error.why
    assert error.write.startswith('Window(by="shop"')
