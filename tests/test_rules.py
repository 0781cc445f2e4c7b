"""Every rule of a declaration, broken once: what the user is told."""

from __future__ import annotations

from datetime import datetime

import pytest
from river.linear_model import LogisticRegression

from models import Cross, Hashed, Linear, Logistic, Number, Window
from streams import DeclarationError, Event, Labels, Pipeline, Threshold, Topic


class Payment(Event, frozen=True):
    tx_id: str
    at: datetime
    terminal_id: str
    amount: float
    tags: list[str]
    fraud: bool


SOUND = {
    "name": "fraud",
    "events": Topic("payments", schema=Payment, id="tx_id"),
    "labels": "fraud",
    "features": [Number("amount")],
    "model": Logistic(bits=4),
}


def refused(**changed) -> DeclarationError:
    with pytest.raises(DeclarationError) as caught:
        Pipeline(**{**SOUND, **changed})
    return caught.value


def test_a_sound_declaration_is_not_refused():
    assert Pipeline(**SOUND).name == "fraud"


@pytest.mark.parametrize(
    ("name", "instead"),
    [("card_fraud", "card-fraud"), ("Fraud v1.2", "fraud-v1-2"), ("", "fraud"), (7, "7")],
)
def test_a_name_begins_topics_without_colliding(name, instead):
    error = refused(name=name)
    assert error.given == f"Pipeline(name={name!r})"
    assert "Kafka counts '.' and '_' as the same" in error.why
    assert error.write == f'Pipeline(name="{instead}", …)'


def test_an_unknown_argument_is_answered_with_the_nearest():
    error = refused(feature=[])
    assert error.given == "Pipeline(feature=…)"
    assert error.write == "Pipeline(features=…)"


def test_a_missing_argument_is_named():
    with pytest.raises(DeclarationError) as caught:
        Pipeline(name="fraud")
    assert caught.value.given == "Pipeline(…): missing a required argument: 'events'"
    assert caught.value.write == "Pipeline(name=…, events=…, model=…)"


def test_arguments_stand_by_name():
    with pytest.raises(DeclarationError) as caught:
        Pipeline("fraud")
    assert caught.value.given == "Pipeline(…): too many positional arguments"


@pytest.mark.parametrize(
    ("changed", "told", "instead"),
    [
        ({"events": "payments"}, "events='payments'", 'events=Topic("payments", schema=Payment)'),
        ({"labels": 1}, "labels=1", 'labels=Labels("chargebacks"), or labels="<field>"'),
        ({"features": "amount"}, "features='amount'", 'features=[Number("amount"), …]'),
        ({"decide": 0.5}, "decide=0.5", "decide=Threshold(0.5)"),
        ({"seed": None}, "seed=None", "seed=0"),
        ({"seed": -1}, "seed=-1", "seed=0"),
        ({"max_event_bytes": 0}, "max_event_bytes=0", "max_event_bytes=262_144"),
    ],
)
def test_every_argument_is_what_it_is_called(changed, told, instead):
    error = refused(**changed)
    assert (error.given, error.write) == (f"Pipeline({told})", instead)


def test_a_threshold_lies_between_the_probabilities():
    for at in (0, 1, -0.1, 1.5):
        error = refused(decide=Threshold(at))
        assert error.given == f"decide=Threshold({at})"
        assert error.why == "the score is a probability: every event would be decided alike"
        assert error.write == "decide=Threshold(0.5)"


def test_a_threshold_does_not_stand_on_a_regression():
    class Ride(Event, frozen=True):
        amount: float
        minutes: float

    error = refused(
        events=Topic("rides", schema=Ride),
        labels="minutes",
        model=Linear(bits=4),
        decide=Threshold(0.5),
    )
    assert str(error) == (
        "decide=Threshold(0.5) on a regression model\n"
        "  why:   its answer is a number, which no threshold turns into yes or no\n"
        "  write: decide=None"
    )


def test_events_and_labels_do_not_share_a_topic():
    error = refused(labels=Labels("payments", id="id"))
    assert error.given == "events=Topic('payments', …) and labels=Labels('payments', …)"
    assert error.why == "one topic has one schema: its records could not be told apart"
    assert error.write.startswith('labels=Labels("payments-labels", …)')


def test_a_pipeline_does_not_read_what_it_writes():
    error = refused(events=Topic("fraud.predictions", schema=Payment))
    assert error.given == "the pipeline reads 'fraud.predictions'"


def test_no_two_topics_are_one_to_kafka():
    error = refused(events=Topic("fraud_checkpoints", schema=Payment))
    assert error.given == "the topics 'fraud.checkpoints' and 'fraud_checkpoints'"
    assert error.why == "Kafka counts '.' and '_' in a topic's name as the same"
    assert error.write == "fraud-checkpoints"


def test_a_feature_of_an_unknown_field_is_answered_with_the_nearest():
    error = refused(features=[Hashed("terminalid")])
    assert error.given == "Hashed('terminalid'): the event has no field 'terminalid'"
    assert error.write == "Hashed('terminal_id')"


def test_a_feature_of_a_wrong_type_is_answered_with_one_that_fits():
    error = refused(features=[Number("terminal_id")])
    assert error.given == "Number('terminal_id'), and terminal_id is a str"
    assert error.write.startswith("Hashed('terminal_id')")


def test_the_label_is_no_feature():
    assert str(refused(features=[Number("amount"), Cross("terminal_id", "fraud")])) == (
        "Cross('terminal_id', 'fraud') reads the label\n"
        "  why:   a model that sees the answer learns nothing else, and has no answer to see "
        "where it counts\n"
        "  write: features=[…] without Cross('terminal_id', 'fraud')"
    )


def test_no_two_features_share_a_name():
    error = refused(features=[Number("amount"), Number("amount", scale="log")])
    assert error.given == "two features are called 'amount'"
    assert error.why == "they would be hashed alike and taken for one"
    assert error.write == "Number('amount', name=\"amount-2\")"


@pytest.mark.parametrize(
    ("feature", "told", "instead"),
    [
        ("amount", "'amount'", 'Number("amount")'),
        ("terminal_id", "'terminal_id'", 'Hashed("terminal_id")'),
        ("at", "'at'", 'Clock("at", ["hour", "weekday"])'),
        ("tags", "'tags'", 'Tokens("tags")'),
        (Hashed, "Hashed", 'Number("amount")'),
        (None, "None", 'Number("amount")'),
    ],
)
def test_what_is_no_feature_is_answered_with_one(feature, told, instead):
    error = refused(features=[feature])
    assert error.given == f"features=[…, {told}, …]"
    assert error.write == f"features=[…, {instead}, …]"


def test_a_hashed_model_is_told_its_features():
    error = refused(features=None)
    assert error.given == "a hashed model without features="
    assert error.write == (
        'features=[Clock("at", ["hour", "weekday"]), Hashed("terminal_id"), Number("amount"), '
        'Tokens("tags")]'
    )
    assert refused(features=[]).given == "features=[]"


def test_a_river_model_reads_fields_as_they_are_where_it_can():
    error = refused(features=None, model=LogisticRegression())
    assert error.given == "a River model without features=, and at is datetime"
    assert error.why == "as they are, River reads numbers and text alone"
    assert 'Tokens("tags")' in error.write


def test_a_river_model_has_something_to_read():
    class Bare(Event, frozen=True):
        tx_id: str
        fraud: bool

    error = refused(
        events=Topic("bare", schema=Bare, id="tx_id"), features=None, model=LogisticRegression()
    )
    assert error.given == "a River model without features=, and no field but id, time and label"


def test_a_window_needs_events_with_a_time():
    window = Window("amount", by="terminal_id", over=["1d"], stats=["mean"])
    error = refused(features=[window])
    assert error.given == (
        "Window('amount', by='terminal_id', over=['1d'], stats=['mean']) of events without a time"
    )
    assert error.write.startswith('events=Topic(…, time="at")')
    timed = Topic("payments", schema=Payment, id="tx_id", time="at")
    assert Pipeline(**{**SOUND, "events": timed, "features": [window]}).fields == (
        "amount", "terminal_id",
    )  # fmt: skip
