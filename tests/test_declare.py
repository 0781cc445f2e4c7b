from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from streams.declare import Labels, Threshold, Topic, duration
from streams.errors import DeclarationError
from streams.schema import Event, Label


class Payment(Event, frozen=True):
    tx_id: str
    amount: float


def refused(make, *given, **named) -> DeclarationError:
    with pytest.raises(DeclarationError) as caught:
        make(*given, **named)
    return caught.value


def test_declarations_are_frozen():
    topic = Topic("payments", schema=Payment)
    with pytest.raises(dataclasses.FrozenInstanceError):
        topic.name = "other"


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("12h", 43_200), ("7d", 604_800)]
)
def test_durations_are_a_number_and_a_unit(text, seconds):
    assert duration(text, "matures_after") == seconds


@pytest.mark.parametrize("text", ["7", "d", "-7d", "0d", "1.5h", "7 d", "7d12h", "1w", 7])
def test_anything_else_is_no_duration(text):
    assert str(refused(duration, text, "matures_after")) == (
        f"matures_after={text!r}\n"
        "  why:   a duration is a positive whole number and one of s, m, h, d\n"
        '  write: matures_after="7d"'
    )


def test_the_usual_labels_carry_their_own_time():
    labels = Labels("chargebacks", matures_after="7d", otherwise=0)
    assert (labels.schema, labels.id, labels.value, labels.time) == (Label, "id", "label", "at")
    assert labels.maturity == 604_800.0
    assert Labels("chargebacks").maturity is None


def test_an_unknown_keyword_is_answered_with_the_nearest():
    assert str(refused(Topic, "payments", schema=Payment, ky="tx_id")) == (
        "Topic(ky=…)\n  why:   Topic knows name, schema, id, key, time, pan_free\n"
        "  write: Topic(key=…)"
    )
    assert refused(Threshold, colour=1).write == "no colour= at all"


def test_a_missing_argument_is_named():
    error = refused(Topic, "payments")
    assert error.given == "Topic(…): missing a required argument: 'schema'"
    assert error.write == "Topic(name=…, schema=…)"


@pytest.mark.parametrize(
    ("name", "instead"),
    [("card payments", "card-payments"), ("zahlungen/€", "zahlungen"), ("", "payments")],
)
def test_a_topic_has_a_name_that_kafka_allows(name, instead):
    error = refused(Topic, name, schema=Payment)
    assert error.given == f"Topic({name!r}, …)"
    assert error.why.startswith("Kafka allows letters, digits, '.', '_' and '-'")
    assert error.write == f"Topic({instead!r}, …)"


def test_labels_that_mature_say_what_silence_means():
    assert str(refused(Labels, "chargebacks", matures_after="7d")) == (
        "Labels('chargebacks', matures_after='7d') without otherwise=\n"
        "  why:   an event that stays without a label has to be learned as something\n"
        "  write: Labels('chargebacks', matures_after='7d', otherwise=0)"
    )


def test_labels_that_say_what_silence_means_say_how_long_to_wait():
    assert str(refused(Labels, "chargebacks", otherwise=0)) == (
        "Labels('chargebacks', otherwise=0) without matures_after=\n"
        "  why:   nothing says how long to wait before silence means that\n"
        "  write: Labels('chargebacks', matures_after=\"7d\", otherwise=0)"
    )


@pytest.mark.parametrize("remember", [0, -1, 1e6, True])
def test_at_least_one_event_is_remembered(remember):
    error = refused(Labels, "chargebacks", remember=remember)
    assert error.write == "Labels('chargebacks', remember=1_000_000)"


@pytest.mark.parametrize("at", [float("nan"), float("inf"), "0.5", None, True])
def test_a_threshold_is_a_finite_number(at):
    assert refused(Threshold, at).write == "Threshold(0.5)"


def test_a_score_at_the_threshold_is_above_it_and_no_score_is_no_decision():
    decided = Threshold(0.5).decisions(np.array([0.49, 0.5, np.nan, 1.0]))
    assert decided == [False, True, None, True]


def test_labels_are_held_until_their_event_matures():
    error = refused(Labels, "chargebacks", hold=True)
    assert error.given == "Labels('chargebacks', hold=True) without matures_after="
    assert error.write == "Labels('chargebacks', hold=True, matures_after=\"7d\", otherwise=0)"


@pytest.mark.parametrize("matures_after", [None, "60d"])
def test_a_label_is_corrected_after_its_event_has_matured(matures_after):
    otherwise = None if matures_after is None else 0
    error = refused(
        Labels, "chargebacks", correctable="30d", matures_after=matures_after, otherwise=otherwise
    )
    assert f"correctable='30d', matures_after={matures_after!r}" in error.given
    assert error.write.endswith('matures_after="7d", otherwise=0, correctable="60d")')
    labels = Labels("chargebacks", matures_after="7d", otherwise=0, correctable="30d")
    assert labels.corrections == 23 * 86_400
