"""A declaration of what is measured is checked when the pipeline is loaded."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from models import Hashed, Linear, Logistic
from streams import DeclarationError, Event, Labels, Measure, Pipeline, Topic
from streams.checking import check


class Payment(Event, frozen=True):
    tx_id: str
    at: datetime
    card: str
    amount: float
    country: str
    words: list[str]
    who: str | None
    good: bool


def pipeline(measure: Any, **changed: Any) -> Pipeline:
    own: dict[str, Any] = {
        "name": "fraud",
        "events": Topic("payments", schema=Payment, id="tx_id", key="card", time="at"),
        "labels": Labels("chargebacks"),
        "features": [Hashed("card")],
        "model": Logistic(bits=6),
    }
    return Pipeline(**{**own, **changed}, measure=measure)


def refused(make, *given: Any, **named: Any) -> DeclarationError:
    with pytest.raises(DeclarationError) as caught:
        make(*given, **named)
    return caught.value


def test_measure_says_what_it_was_understood_as():
    measure = Measure(
        per_day=1_000, one_per="card", amount="amount", by=["country"], days=28
    )  # fmt: skip
    assert check(pipeline(measure)).measure == (
        "1,000 alerts, one per card, a day over 28 days; amount caught and missed; apart by country"
    )
    assert check(pipeline(Measure(per_day=5))).measure == "5 events a day over 7 days"
    assert check(pipeline(None)).measure is None


@pytest.mark.parametrize(
    ("named", "write"),
    [
        ({}, 'Measure(per_day=100, one_per="customer_id", amount="amount", by=["country"])'),
        ({"by": "country"}, "Measure(by=['country'])"),
        ({"by": ["a", "a"]}, "Measure(by=['a'])"),
        ({"by": list("abcdef")}, "Measure(by=['a', 'b', 'c', 'd', 'e'])"),
        ({"per_day": 0}, "Measure(per_day=100)"),
        ({"per_day": 1.5}, "Measure(per_day=100)"),
        ({"per_day": 5, "days": None}, "Measure(days=7)"),
        ({"one_per": "card"}, "Measure(per_day=100, one_per='card')"),
    ],
)
def test_what_cannot_be_measured_is_told_at_once(named, write):
    assert refused(Measure, **named).write == write


@pytest.mark.parametrize(
    ("named", "given"),
    [
        ({"by": ["cuntry"]}, "Measure(by=['cuntry']): no field is called 'cuntry'"),
        ({"by": ["words"]}, "Measure(by=['words']), and words is list[str]"),
        ({"by": ["amount"]}, "Measure(by=['amount']), and amount is float"),
        ({"by": ["card"]}, "Measure(by=['card']), and card is the key of the events"),
        ({"by": ["tx_id"]}, "Measure(by=['tx_id']), and tx_id is the id of the events"),
        ({"amount": "country"}, "Measure(amount='country'), and country is str"),
        ({"per_day": 9, "one_per": "who"}, "Measure(one_per='who'), and who is str | None"),
    ],
)
def test_a_field_that_is_not_there_or_of_another_type_is_told(named, given):
    assert refused(pipeline, Measure(**named)).given == given


def test_what_the_pipeline_has_not_got_cannot_be_measured():
    timeless = Topic("payments", schema=Payment, id="tx_id", key="card")
    assert refused(pipeline, Measure(per_day=9), events=timeless).why == (
        "a day is a day of the events, so each has to tell when it was"
    )
    nameless = Topic("payments", schema=Payment, time="at")
    assert refused(pipeline, Measure(per_day=9), events=nameless, labels="good").write == (
        'Measure(per_day=9, one_per="customer_id")'
    )
    regression = {"labels": "amount", "model": Linear(bits=6)}
    assert refused(pipeline, Measure(per_day=9), **regression).given == (
        "Measure(per_day=9) of a regression model"
    )
    assert pipeline(Measure(by=["country"]), **regression).measure is not None
    assert refused(pipeline, {"per_day": 9}).given == "Pipeline(measure={'per_day': 9})"


def test_there_is_nothing_to_measure_without_labels():
    from river.anomaly import HalfSpaceTrees

    alone = {"labels": None, "model": HalfSpaceTrees()}
    assert refused(pipeline, Measure(by=["country"]), **alone).given == (
        "measure=Measure(…) without labels="
    )
