"""A reason can be read by somebody who has never seen the declaration."""

from __future__ import annotations

import pytest

from models import Clock, Cross, Hashed, LabelRate, Number, Text, Window
from models.wording import number, said

WINDOW = Window(
    "amount",
    by="card",
    over=["1d", "30d"],
    stats=["count", "sum", "mean", "std", "min", "max", "distinct", "ratio", "since_last",
           "first_seen"],
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "usual", "words"),
    [
        ("ratio.30d", 4.1234, 1.05,
         "amount is 4.123 × the mean of this card over 30 days, usually 1.05"),
        ("ratio.1d", None, 1.0, "no other amount of this card over 1 day to compare with"),
        ("count.1d", 3.0, None, "3 events of this card over 1 day"),
        ("sum.1d", 12_345.67, None, "total amount of this card over 1 day is 12,346"),
        ("distinct.1d", 2.0, None, "2 different values of amount for this card over 1 day"),
        ("since_last", 90.0, 7_200.0,
         "1.5 minutes since the last event of this card, usually 2 hours"),
        ("since_last", None, None, "no event of this card before"),
        ("first_seen", 0.0, 86_400.0, "first event of this card"),
        ("first_seen", 172_800.0, None, "first event of this card was 2 days before"),
        ("mean.30d", None, None, "amount-by-card.mean.30d is missing"),
    ],
)  # fmt: skip
def test_a_window(name, value, usual, words):
    assert said(WINDOW, f"amount-by-card.{name}", value, usual) == words


RATE = LabelRate(
    by="shop", over=["1d", "30d"], delay="7d", stats=["rate", "since_positive", "streak"]
)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("rate.1d", 0.5,
         "share 0.5 of the events of this shop over 1 day, 7 days ago, was positive"),
        ("rate.30d", None, "labels-by-shop.rate.30d is missing"),
        ("since_positive", 691_200.0,
         "last label of this shop is positive, of an event 8 days before, usually 9 days"),
        ("since_positive", None, "no positive label of this shop of late"),
        ("streak", 1_728_000.0,
         "labels of this shop are positive without exception since 20 days before, usually 9 days"),
    ],
)  # fmt: skip
def test_what_is_known_of_labels(name, value, words):
    usual = 777_600.0 if "usually" in words else None
    assert said(RATE, f"labels-by-shop.{name}", value, usual) == words


@pytest.mark.parametrize("name", WINDOW.columns)
def test_every_figure_has_words(name):
    assert said(WINDOW, name, 2.0)
    assert said(WINDOW, name, None)


@pytest.mark.parametrize(
    ("feature", "name", "value", "words"),
    [
        (Number("amount"), "amount", 5, "amount is 5"),
        (Number("amount"), "amount", None, "amount is missing"),
        (Hashed("shop"), "shop", "x", "shop is x"),
        (Cross("shop", "country"), "shop*country", ("x", None), "shop x, country missing"),
        (Clock("at", ["hour"]), "at.hour", "3", "hour of at is 3"),
        (Text("note"), "note", ["free", "win"], "note has free, win"),
    ],
)
def test_the_others(feature, name, value, words):
    assert said(feature, name, value) == words


def test_numbers_have_four_digits():
    assert [number(it) for it in (0.123456, 1234.567, 1e6, 12_345.67)] == [
        "0.1235", "1,235", "1,000,000", "12,346",
    ]  # fmt: skip
