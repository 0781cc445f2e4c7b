from __future__ import annotations

from datetime import datetime

import pytest

from streams.declare import Topic
from streams.errors import DeclarationError
from streams.fields import check_events, suggestion
from streams.schema import Event, Field, fields_of


class Payment(Event, frozen=True):
    tx_id: str
    amount: float
    customer_id: int
    day: str
    at: datetime | None = None
    since: float = 0.0
    note: str | None = None


def checked(**roles) -> None:
    check_events(Topic("payments", schema=Payment, **roles), fields_of(Payment))


def refused(**roles) -> DeclarationError:
    with pytest.raises(DeclarationError) as caught:
        checked(**roles)
    return caught.value


@pytest.mark.parametrize("time", ["at", "since", "customer_id", None])
def test_ids_and_keys_are_texts_or_whole_numbers_and_times_datetimes_or_seconds(time):
    checked(id="tx_id", key="customer_id", time=time)
    checked(id="customer_id", key="note", time=time)


def test_an_unknown_field_is_answered_with_the_nearest():
    assert str(refused(id="txid")) == (
        "Topic('payments', id='txid'): no field is called 'txid'\n"
        "  why:   the fields are tx_id, amount, customer_id, day, at, since, note\n"
        "  write: Topic('payments', id='tx_id')"
    )
    assert refused(key="zzz").write.startswith("one of tx_id, amount, ")


def test_a_time_is_no_text():
    error = refused(time="day")
    assert error.given == "Topic('payments', time='day'), and day is str"
    assert error.why == "a time is datetime, int or float"
    assert error.write == "day: datetime"


def test_an_id_is_never_missing_and_no_fraction():
    error = refused(id="note")
    assert error.given == "Topic('payments', id='note'), and note is str | None"
    assert error.why == "an id is str or int, never missing"
    assert error.write == "note: str"
    assert refused(id="amount").given == "Topic('payments', id='amount'), and amount is float"


@pytest.mark.parametrize(
    ("kind", "feature"),
    [
        (str, 'Hashed("x")'),
        (float, 'Number("x")'),
        (bool, 'Number("x")'),
        (datetime, 'Clock("x", ["hour", "weekday"])'),
        (list[str], 'Tokens("x")'),
        (dict[str, float], 'Counts("x")'),
    ],
)
def test_there_is_a_first_feature_to_try_for_every_type(kind, feature):
    assert suggestion(Field("x", "x", kind)) == feature
