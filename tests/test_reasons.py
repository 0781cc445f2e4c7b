"""Reasons add up to the score, and say what was usual and what shares a bucket."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import Clock, Cross, Hashed, Logistic, Number, Tokens, Window
from models.attribution import shares
from models.column import EVENT_TIME
from models.contributions import Witness, explained
from models.encoders import HashedEncoder
from models.protocol import Plan
from models.reasons import reasons
from models.rows import Rows

FEATURES = [
    Number("amount", scale="standard"),
    Hashed("shop"),
    Cross("shop", "country"),
    Clock("at", ["hour"]),
    Tokens("tags"),
    Window("amount", by="shop", over=["1d"], stats=["count", "ratio", "first_seen"]),
    Window(by="country", over=["1d"], stats=["count"], scale="log"),
]
START = datetime(2026, 1, 1, tzinfo=UTC)
EVENTS = st.fixed_dictionaries(
    {
        "amount": st.one_of(st.none(), st.floats(-1e4, 1e4)),
        "shop": st.one_of(st.none(), st.sampled_from("abc")),
        "country": st.sampled_from("xy"),
        "tags": st.lists(st.sampled_from("pqr"), max_size=3),
    }
)


def told(events, bits=16):
    """The reasons of the last event, its margin and its event."""
    events = [{**event, "at": START + n * timedelta(hours=1)} for n, event in enumerate(events)]
    encoder, rows = HashedEncoder(FEATURES, bits), Rows()
    witness, before = Witness(Logistic(bits).new(0)), {}
    for number, event in enumerate(events):
        before = encoder.spreads()
        columns = {field: [event[field]] for field in encoder.fields}
        encoder.append({**columns, EVENT_TIME: [event["at"]]}, 1, rows)
        plan = Plan()
        plan.score_then_learn(number, np.array([number % 2 == 0]))
        witness.run(plan, rows)
    found = explained(witness.seen, FEATURES, events[-1])
    return reasons(found, FEATURES, events[-1], before, encoder.spreads()), found, events[-1]


@given(st.lists(EVENTS, min_size=1, max_size=6), st.integers(2, 16))
@settings(deadline=None)
def test_columns_and_fields_and_the_intercept_sum_to_the_log_odds(events, bits):
    found, explanation, _ = told(events, bits)
    margin = explanation.margin
    whole = math.fsum([explanation.bias, *(it.amount for it in found)])
    assert whole == pytest.approx(margin, abs=1e-9)
    divided = shares(((it.feature, it.amount) for it in found), FEATURES)
    whole = math.fsum([explanation.bias, *divided.values()])
    assert whole == pytest.approx(margin, abs=1e-9)
    assert set(divided) == {"amount", "shop", "country", "at", "tags"}


@given(st.lists(EVENTS, min_size=1, max_size=6))
@settings(deadline=None)
def test_values_are_those_of_before_the_scale(events):
    found, _, event = told(events)
    value = {it.feature: it.value for it in found}
    same_shop = [it for it in events[:-1] if it["shop"] == event["shop"] is not None]
    if event["shop"] is None:
        assert value["amount-by-shop.count.1d"] is None
    elif event["amount"] is not None:
        counted = 1 + sum(it["amount"] is not None for it in same_shop)
        assert value["amount-by-shop.count.1d"] == pytest.approx(counted)
    assert value["events-by-country.count.1d"] == pytest.approx(
        sum(it["country"] == event["country"] for it in events)
    )
    assert value["amount"] == event["amount"]
    assert value["shop*country"] == (event["shop"], event["country"])
    assert sorted(value["tags"]) == sorted(set(event["tags"]))
    assert value["at.hour"] == str(len(events) - 1)


def test_usual_is_the_mean_before_the_event():
    calm = {"amount": 10.0, "shop": "a", "country": "x", "tags": []}
    found, _, _ = told([calm, {**calm, "amount": 20.0}, {**calm, "amount": 60.0}])
    by_name = {it.feature: it for it in found}
    assert by_name["amount"].usual == 15.0
    assert by_name["amount"].words == "amount is 60, usually 15"
    assert by_name["shop"].usual is None
    ratio = by_name["amount-by-shop.ratio.1d"]
    assert ratio.value == pytest.approx(4.0)
    assert ratio.words.startswith("amount is 4 × the mean of this shop over 1 day")
    first, _, _ = told([calm])
    assert {it.feature: it.words for it in first}["amount-by-shop.first_seen"] == (
        "first event of this shop"
    )


def test_what_shares_a_bucket_is_said():
    event = {"amount": 1.0, "shop": "a", "country": "x", "tags": ["p"]}
    found, explanation, _ = told([event], bits=1)
    buckets: dict[int, set[str]] = {}
    for one in explanation.contributions:
        buckets.setdefault(one.bucket, set()).add(one.feature)
    for one in found:
        named = {it.partition(" = ")[0] for it in one.shares}
        [bucket] = {it.bucket for it in explanation.contributions if it.feature == one.feature}
        assert named == buckets[bucket] - {one.feature}
    assert any(it.shares for it in found)
    apart, _, _ = told([event], bits=20)
    assert not any(it.shares for it in apart)
