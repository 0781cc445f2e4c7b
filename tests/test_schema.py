from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec
import pytest

from streams.errors import DeclarationError
from streams.schema import Event, Field, Label, example, fields_of


class Everything(Event, frozen=True):
    text: str
    whole: int
    number: float
    flag: bool
    at: datetime
    words: list[str]
    counts: dict[str, float]
    colour: Literal["red", "blue"]
    digit: Literal[0, 1] = msgspec.field(name="class")
    maybe: str | None = None
    seldom: Literal["yes", None] = None
    share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.5
    either: bool | float = 0.0
    many: list[str] = msgspec.field(default_factory=list)


def refused(schema) -> DeclarationError:
    with pytest.raises(DeclarationError) as caught:
        fields_of(schema)
    return caught.value


def test_every_supported_type_is_told_by_its_plain_type():
    assert {name: field.type for name, field in fields_of(Everything).items()} == {
        "text": str,
        "whole": int,
        "number": float,
        "flag": bool,
        "at": datetime,
        "words": list[str],
        "counts": dict[str, float],
        "colour": str,
        "digit": int,
        "maybe": str,
        "seldom": str,
        "share": float,
        "either": float,
        "many": list[str],
    }


def test_a_field_knows_its_key_its_choices_and_whether_it_may_be_missing():
    fields = fields_of(Everything)
    assert fields["digit"] == Field("digit", "class", int, choices=(0, 1))
    assert fields["maybe"].optional
    assert fields["seldom"].spelled == "Literal['yes'] | None"
    assert fields["maybe"].spelled == "str | None"
    assert fields["colour"].spelled == "Literal['red', 'blue']"
    assert (fields["share"].default, fields["many"].default) == ("0.5", "list()")


def test_an_event_made_up_of_the_schema_decodes_from_its_own_json():
    event = example(Everything)
    assert msgspec.json.decode(msgspec.json.encode(event), type=Everything) == event
    assert event.at == datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert example(Everything) == event


def test_events_are_frozen_hold_no_cycles_and_pass_that_on():
    class Heir(Event):
        amount: float

    assert Heir.__struct_config__.frozen
    assert not Heir.__struct_config__.gc


@pytest.mark.parametrize("value", [b"1", b"true", b"0.5"])
def test_the_usual_label_message_takes_flags_and_numbers(value):
    label = msgspec.json.decode(b'{"id": "p1", "label": %b}' % value, type=Label)
    assert (label.id, label.label, label.at) == ("p1", msgspec.json.decode(value), None)


def test_a_schema_that_is_no_event_is_refused():
    class Plain:
        amount: float

    assert str(refused(Plain)) == (
        "schema=Plain is not an Event\n"
        "  why:   records are decoded straight into typed, frozen structs, which only an Event is\n"
        "  write: class Plain(Event, frozen=True): …"
    )
    assert refused({"amount": float}).write == "class Payment(Event, frozen=True): …"


def test_a_mutable_schema_is_refused():
    class Loose(Event, frozen=False):
        amount: float

    error = refused(Loose)
    assert error.given == "Loose is declared with frozen=False"
    assert "give another result the second time" in error.why
    assert error.write == "class Loose(Event, frozen=True): …"


def test_a_schema_without_fields_is_refused():
    class Empty(Event, frozen=True):
        pass

    assert refused(Empty).given == "Empty has no fields"


def _schema(annotation):
    return msgspec.defstruct("Odd", [("field", annotation)], bases=(Event,), frozen=True)


@pytest.mark.parametrize(
    ("annotation", "spelled", "instead"),
    [
        (set[str], "set[str]", "field: list[str]"),
        (list[float], "list[float]", "field: list[str]"),
        (dict[str, str], "dict[str, str]", "field: dict[str, float]"),
        (bytes, "bytes", "field: str"),
        (str | int, "str | int", "field: str"),
        (Literal["a", 1], "Literal['a', 1]", "field: str"),
        (Event, "Event", "field: str"),
    ],
)
def test_a_field_of_an_unsupported_type_is_told_what_to_be(annotation, spelled, instead):
    error = refused(_schema(annotation))
    assert error.given == f"Odd.field is declared as {spelled}"
    assert error.why == (
        "a field is str, int, float, bool, datetime, list[str] or dict[str, float], "
        "a Literal of one type, or one of these | None"
    )
    assert error.write == instead


def test_a_type_that_is_not_imported_is_named():
    class Lost(Event, frozen=True):
        price: Decimal  # noqa: F821

    error = refused(Lost)
    assert "name 'Decimal' is not defined" in error.given
    assert error.write == "from … import Decimal"
