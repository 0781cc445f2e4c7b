"""A reason code belongs to a name, and to no other."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import Clock, Hashed, Number, Window
from models import codes as module
from models.codes import code, codes
from models.feature import FeatureError

FEATURES = [
    Number("amount", scale="standard"),
    Hashed("shop"),
    Clock("at", ["hour", "weekday"]),
    Window("amount", by="customer", over=["1d", "30d"], stats=["ratio", "since_last"]),
]


def test_a_code_stays_what_it_is():
    assert code("amount-by-customer_id.ratio.30d") == "QCJJ4"
    assert code("amount") == "3MF6T"


@given(st.text())
def test_a_code_can_be_read_out(name):
    assert re.fullmatch("[0-9A-HJKMNP-TV-Z]{5}", code(name))


@given(st.permutations(FEATURES))
def test_neither_order_nor_company_changes_a_code(features):
    assert codes(features) == {name: code(name) for name in codes(FEATURES)}
    assert codes(features[:1]).items() <= codes(FEATURES).items()


def test_every_column_has_one():
    assert list(codes(FEATURES)) == [
        "amount", "shop", "at.hour", "at.weekday", "amount-by-customer.ratio.1d",
        "amount-by-customer.ratio.30d", "amount-by-customer.since_last",
    ]  # fmt: skip


def test_two_names_of_one_code_are_refused(monkeypatch):
    monkeypatch.setattr(module, "_LENGTH", 0)
    with pytest.raises(FeatureError, match="have one reason code") as refused:
        codes(FEATURES)
    assert refused.value.write == "name='shop-2' for Hashed('shop')"
