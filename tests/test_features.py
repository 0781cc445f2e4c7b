"""Tests of models.features, models.feature and models.bags: what may be declared, and what not."""

from datetime import datetime

import pytest

from models.features import (
    Clock,
    Counts,
    Cross,
    FeatureError,
    Hashed,
    Number,
    Text,
    Tokens,
)
from models.memory import Memory

TYPES = {
    "tx_id": str,
    "amount": float,
    "terminal_id": int,
    "online": bool,
    "at": datetime,
    "tags": list[str],
    "prices": dict[str, float],
}

FEATURES = [
    Number("amount"),
    Number("terminal_id", "log"),
    Number("online", scale="standard"),
    Hashed("tx_id"),
    Hashed("terminal_id"),
    Hashed("online"),
    Cross("tx_id", "terminal_id", "online"),
    Clock("at", ["hour", "night"]),
    Text("tx_id", ngrams=(2, 3)),
    Tokens("tags", limit=8),
    Counts("prices"),
]


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: type(feature).__name__)
def test_a_feature_reads_the_types_it_is_made_for(feature):
    feature.check(TYPES)


def test_a_name_is_the_fields_own_or_the_given_one():
    assert Number("amount").name == "amount"
    assert Number("amount", "log", name="size").name == "size"
    assert Cross("tx_id", "terminal_id").name == "tx_id*terminal_id"
    assert Cross("tx_id", "terminal_id", name="pair").name == "pair"


@pytest.mark.parametrize(
    ("feature", "fields", "slots"),
    [
        (Number("amount"), ("amount",), "1"),
        (Hashed("tx_id"), ("tx_id",), "1"),
        (Cross("tx_id", "amount"), ("tx_id", "amount"), "1"),
        (Clock("at", ["hour", "weekday"]), ("at",), "2"),
        (Text("tx_id"), ("tx_id",), "≤ 256"),
        (Tokens("tags"), ("tags",), "≤ 64"),
        (Counts("prices", limit=3), ("prices",), "≤ 3"),
    ],
)
def test_a_feature_tells_its_fields_and_its_slots(feature, fields, slots):
    assert feature.fields == fields
    assert feature.slots == slots


def test_a_description_holds_every_setting():
    assert Number("amount", "log").describe() == {
        "feature": "Number", "name": "amount", "field": "amount", "scale": "log",
    }  # fmt: skip
    assert Cross("a", "b").describe() == {"feature": "Cross", "name": "a*b", "over": ("a", "b")}
    assert Clock("at", ["hour"]).describe() == {
        "feature": "Clock", "name": "at", "field": "at", "parts": ("hour",),
    }  # fmt: skip
    assert Text("body", ngrams=[3, 5]).describe() == {
        "feature": "Text", "name": "body", "field": "body", "limit": 256,
        "words": True, "ngrams": (3, 5),
    }  # fmt: skip


def test_features_are_values():
    assert Clock("at", ["hour"]) == Clock("at", ("hour",), name="at")
    assert len({Number("amount"), Number("amount"), Number("amount", "log")}) == 2
    assert Cross("a", "b") != Cross("b", "a")
    with pytest.raises(AttributeError):
        Number("amount").scale = "log"


@pytest.mark.parametrize(
    ("feature", "given", "why", "write"),
    [
        (
            Number("amuont"),
            "Number('amuont'): the event has no field 'amuont'",
            "its fields are tx_id, amount, terminal_id, online, at, tags, prices",
            "Number('amount')",
        ),
        (
            Cross("tx_id", "terminal"),
            "Cross('tx_id', 'terminal'): the event has no field 'terminal'",
            "its fields are tx_id, amount, terminal_id, online, at, tags, prices",
            "Cross('tx_id', 'terminal_id')",
        ),
        (
            Number("tx_id"),
            "Number('tx_id'), and tx_id is a str",
            "a number is a float, an int or a bool",
            "Hashed('tx_id'), or Text('tx_id') for its words",
        ),
        (
            Hashed("amount"),
            "Hashed('amount'), and amount is a float",
            "a category is a str, an int or a bool; hardly any other value comes twice",
            "Number('amount')",
        ),
        (
            Cross("tx_id", "at"),
            "Cross('tx_id', 'at'), and at is a datetime",
            "a category is a str, an int or a bool; hardly any other value comes twice",
            'Clock(\'at\', ["hour", "weekday"])',
        ),
        (
            Clock("tx_id", ["hour"]),
            "Clock('tx_id'), and tx_id is a str",
            "hours and weekdays are read off a datetime",
            "Hashed('tx_id'), or Text('tx_id') for its words",
        ),
        (
            Text("tags"),
            "Text('tags'), and tags is a list[str]",
            "words are read from a str",
            "Tokens('tags')",
        ),
        (
            Tokens("prices"),
            "Tokens('prices'), and prices is a dict[str, float]",
            "tokens are the elements of a list[str]",
            "Counts('prices')",
        ),
        (
            Counts("online"),
            "Counts('online'), and online is a bool",
            "counts are the entries of a dict[str, float]",
            "Hashed('online')",
        ),
    ],
)
def test_a_feature_that_does_not_fit_the_event_says_what_to_write(feature, given, why, write):
    with pytest.raises(FeatureError) as error:
        feature.check(TYPES)
    assert str(error.value) == f"{given}\n  why:   {why}\n  write: {write}"
    assert (error.value.given, error.value.why, error.value.write) == (given, why, write)


def test_a_type_no_feature_reads_has_no_better_feature():
    with pytest.raises(FeatureError, match="write: a field for Number of a type it reads"):
        Number("raw").check({"raw": bytes})


@pytest.mark.parametrize(
    ("declare", "text"),
    [
        (
            lambda: Number("amount", scale="lgo"),
            "Number('amount', scale='lgo')\n"
            "  why:   a scale is 'log' or 'standard', or left out\n"
            "  write: Number('amount', scale='log')",
        ),
        (
            lambda: Number("amount", name="at.amount"),
            "Number('amount', name='at.amount')\n"
            "  why:   '.' and '=' join a name to a part or an element: at.hour, tags=red\n"
            "  write: Number('amount', name='at-amount')",
        ),
        (
            lambda: Cross("tx_id"),
            "Cross('tx_id')\n"
            "  why:   a cross is made of two different fields or more\n"
            "  write: Hashed('tx_id')",
        ),
        (
            lambda: Cross("a", "b", "a"),
            "Cross('a', 'b', 'a')\n"
            "  why:   a cross is made of two different fields or more\n"
            "  write: Cross('a', 'b')",
        ),
        (
            lambda: Cross(),
            "Cross()\n"
            "  why:   a cross is made of two different fields or more\n"
            "  write: Cross('customer_id', 'terminal_id')",
        ),
        (
            lambda: Clock("at", ["hours", "weekday", "hour"]),
            "Clock('at', ['hours', 'weekday', 'hour'])\n"
            "  why:   parts is a list of 'hour', 'weekday', 'month', 'weekend', 'night', "
            "each at most once\n"
            "  write: Clock('at', ['hour', 'weekday'])",
        ),
        (
            lambda: Clock("at", "hour"),
            "Clock('at', 'hour')\n"
            "  why:   parts is a list of 'hour', 'weekday', 'month', 'weekend', 'night', "
            "each at most once\n"
            "  write: Clock('at', ['hour'])",
        ),
        (
            lambda: Clock("at", []),
            "Clock('at', [])\n"
            "  why:   parts is a list of 'hour', 'weekday', 'month', 'weekend', 'night', "
            "each at most once\n"
            "  write: Clock('at', ['hour', 'weekday'])",
        ),
        (
            lambda: Tokens("tags", limit=0),
            "Tokens('tags', limit=0)\n"
            "  why:   it bounds the memory an event can take: a whole number, at least 1\n"
            "  write: Tokens('tags', limit=64)",
        ),
        (
            lambda: Text("body", words=False),
            "Text('body', words=False)\n"
            "  why:   with neither words nor ngrams there is nothing to read\n"
            "  write: Text('body', words=False, ngrams=(3, 5))",
        ),
        (
            lambda: Text("body", ngrams=(5, 3)),
            "Text('body', ngrams=(5, 3))\n"
            "  why:   ngrams is the shortest and the longest run of characters to read\n"
            "  write: Text('body', ngrams=(3, 5))",
        ),
    ],
)
def test_a_setting_that_cannot_work_says_what_to_write(declare, text):
    with pytest.raises(FeatureError) as error:
        declare()
    assert str(error.value) == text


@pytest.mark.parametrize(
    ("feature", "value", "elements"),
    [
        (Text("f"), "Free FREE prize_1, für Öl!", {"free": 2, "prize_1": 1, "für": 1, "öl": 1}),
        (Text("f"), " \n", {}),
        (Text("f", words=False, ngrams=(2, 3)), "A\t\nb", {"~a ": 1, "~ b": 1, "~a b": 1}),
        (Text("f", words=False, ngrams=(3, 5)), "ab", {}),
        (Text("f", ngrams=(2, 2)), "aaa", {"aaa": 1, "~aa": 2}),
        (Tokens("f"), ["red", "Red", "red"], ["red", "Red", "red"]),
        (Counts("f"), {"b": 2.0, "a": -1.0}, {"b": 2.0, "a": -1.0}),
    ],
)
def test_the_elements_of_a_value(feature, value, elements):
    assert feature.elements(value) == (elements, False)


@pytest.mark.parametrize(
    ("feature", "value", "elements"),
    [
        (Text("f", limit=3), "a a b c", {"a": 2, "b": 1}),
        (Text("f", ngrams=(1, 2), limit=4), "ab cd", {"ab": 1, "cd": 1, "~a": 1, "~b": 1}),
        (Text("f", ngrams=(1, 2), limit=2), "ab cd", {"ab": 1, "cd": 1}),
        (Tokens("f", limit=2), ["c", "b", "a"], ["c", "b"]),
        (Counts("f", limit=1), {"b": 2.0, "a": 1.0}, {"b": 2.0}),
    ],
)
def test_what_is_beyond_the_limit_is_cut_off_and_said_so(feature, value, elements):
    assert feature.elements(value) == (elements, True)


@pytest.mark.parametrize(
    ("feature", "value"),
    [
        (Text("f", limit=2), "a b"),
        (Tokens("f", limit=2), ["a", "b"]),
        (Counts("f", limit=1), {"a": 1.0}),
    ],
)
def test_what_just_fits_the_limit_is_not_cut_off(feature, value):
    assert feature.elements(value)[1] is False


def test_truncated_events_are_counted_by_feature():
    memory = Memory()
    feature = Tokens("tags", limit=1, name="colours")
    feature.read({"tags": [["a", "b"], ["a"], None, ["a", "b"]]}, memory)
    assert memory.truncated == {"colours": 2}
