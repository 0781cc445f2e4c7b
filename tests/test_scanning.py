"""Tests of streams.scanning and what converts its cells: msgspec's very values, or irregular."""

import json
import struct
from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.bytecolumn import ByteColumn
from models.column import listed
from streams import Event
from streams.shapes import members_of, shape_of
from streams.typed import Scanned, column_of


class Trip(Event, frozen=True):
    id: str
    fare: float
    seats: int
    paid: bool
    at: datetime
    kind: Literal["day", "nächtlich"] = "day"
    zone: Literal[1, 2, -3] | None = 1
    note: str | None = None
    tip: Annotated[float, msgspec.Meta(gt=-1, le=5)] | None = 0
    rank: Annotated[int, msgspec.Meta(ge=0, lt=100)] = 3
    late: bool | None = None
    until: datetime | None = None
    größe: str = "groß"
    told: bool | float = False
    count: int | float | None = None
    sure: bool | int = 1
    any: bool | int | float | None = 0.5


MEMBERS = members_of(Trip)
SHAPE = shape_of(Trip, MEMBERS)
assert SHAPE is not None
ONE = msgspec.json.Decoder(Trip)
BASE = {
    "id": '"a1"', "fare": "12.5", "seats": "2", "paid": "true", "at": '"2026-01-01T00:00:00Z"',
}  # fmt: skip


def record(**fields: str) -> bytes:
    members = ",".join(f'"{name}":{value}' for name, value in (BASE | fields).items())
    return ("{" + members + "}").encode("utf-8", "surrogatepass")


def scanned(records: list[bytes | None]) -> Scanned:
    assert SHAPE is not None
    return Scanned(ByteColumn.of(records), MEMBERS, SHAPE)


def is_regular(value: bytes) -> bool:
    """Whether a record is regular; if it is, it holds what msgspec says."""
    found = scanned([b"", value, b"{}"])
    if found.irregular.tolist() != [True, False, True]:
        return False
    event = ONE.decode(value)
    columns = found.columns([], [], [0, 2])
    for member in MEMBERS:
        want = getattr(event, member.name)
        [got] = listed(columns[member.name])
        if isinstance(want, datetime):
            want = want.replace(tzinfo=want.tzinfo or UTC)
        if isinstance(got, float):
            assert struct.pack("d", got) == struct.pack("d", want), value
        else:
            assert got == want, value
            assert type(got) is type(want), value
    return True


jsons = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
texts = st.text().flatmap(
    lambda text: st.sampled_from([json.dumps(text), json.dumps(text, ensure_ascii=False)])
)
numbers = st.one_of(
    st.integers().map(str),
    st.floats().map(repr),
    st.from_regex(r"\A-?[0-9]{1,21}(\.[0-9]{1,21})?([eE][+-]?[0-9]{1,3})?\Z"),
)
times = st.one_of(
    st.datetimes(timezones=st.sampled_from([None, UTC])).map(lambda at: f'"{at.isoformat()}"'),
    st.from_regex(
        r'\A"[0-2][09][0-9]{2}-[01][0-9]-[0-3][0-9][Tt _][0-2][0-9]:[0-6][0-9]:[0-6][0-9]'
        r'(\.[0-9]{0,9})?(Z|z|[+-]0[01]:?[0-9]0)?"\Z'
    ),
)
anything = st.one_of(texts, numbers, times, st.sampled_from(["null", "true", "false", "nul", ""]))
members = {
    "id": texts, "fare": numbers, "seats": numbers, "paid": st.sampled_from(["true", "false"]),
    "at": times, "note": texts, "größe": texts, "until": times, "tip": numbers, "rank": numbers,
    "kind": texts | st.sampled_from(['"day"', '"nächtlich"']), "zone": numbers, "more": anything,
    "late": st.sampled_from(["true", "false", "null"]),
    **dict.fromkeys(["told", "count", "sure", "any"], numbers | st.sampled_from(["true", "null"])),
}  # fmt: skip
spaces = st.text(" \t\r\n", max_size=2)


@st.composite
def records(draw):
    names = draw(st.permutations([*BASE, *draw(st.lists(st.sampled_from([*members]), max_size=4))]))
    parts = []
    for name in names:
        value = draw(members[name]) if draw(st.booleans()) else BASE.get(name, "null")
        parts.append(f'{draw(spaces)}"{name}"{draw(spaces)}:{draw(spaces)}{value}{draw(spaces)}')
    if draw(st.booleans()):
        parts.append(f"{draw(texts)}:{json.dumps(draw(jsons))}")
    return (draw(spaces) + "{" + ",".join(parts) + "}" + draw(spaces)).encode("utf-8", "replace")


@given(records())
@settings(deadline=None, max_examples=500)
def test_a_regular_record_holds_what_msgspec_says_to_the_bit(value):
    is_regular(value)


@given(records(), st.lists(st.tuples(st.integers(0, 500), st.binary(max_size=2)), max_size=3))
@settings(deadline=None, max_examples=500)
def test_a_mutilated_record_is_irregular_or_still_what_msgspec_says(value, wounds):
    for at, more in wounds:
        value = value[:at] + more + value[at + 1 :]
    is_regular(value)


@given(st.binary())
@settings(deadline=None)
@example(b'{"id')
@example(b'{"id":"\\u12')
def test_any_bytes_at_all_are_read_without_harm(value):
    is_regular(value)


def test_every_truncation_is_irregular_whatever_lies_behind_it():
    whole = record(note='"\\ud83d\\ude00 ü"', more='[{"a":[1.5e3,null]}]')
    starts = np.zeros(len(whole), np.int64)
    assert SHAPE is not None
    found = Scanned(ByteColumn(whole, starts, np.arange(len(whole))), MEMBERS, SHAPE)
    assert found.irregular.all()


@pytest.mark.parametrize(
    "fields",
    [
        {"fare": "0.30000000000000004"},
        {"fare": "-1.7976931348623157e+308"},
        {"fare": "123456789012345678"},
        {"fare": "-0"},
        {"fare": "-0.0"},
        {"fare": "0.0000000000000000000000012345678901234567"},
        {"seats": "9223372036854775807"},
        {"seats": "-9007199254740993"},
        {"id": r'"\"\\\/\b\f\n\r\t\u0000\u00fc\u20AC\ud83d\ude00"'},
        {"größe": '"ä€😀"'},
        {"more": '[{"a":{}},[],[ ],"\\u00e9",-1.5E+3,null,{"b":[true,false]}]'},
        {"zone": "null", "tip": "null", "until": "null", "note": "null", "late": "null"},
        {"zone": "-3", "tip": "5", "rank": "99", "kind": '"nächtlich"'},
        {"at": '"2024-02-29 23:59:59.9999995"'},
        {"at": '"1969-12-31t00:00:00.5+00:00"'},
        {"at": '"2026-01-01T00:00:00-0000"'},
        {"told": "true", "count": "-7", "sure": "false", "any": "true"},
        {"told": "1", "count": "7.0", "sure": "-1", "any": "-0"},
        {"told": "-0.0", "count": "null", "sure": "0", "any": "1e3"},
    ],
)
def test_what_is_common_stays_in_the_compiled_pass(fields):
    assert is_regular(record(**fields))


@pytest.mark.parametrize(
    "fields",
    [
        {"fare": "12345678901234567890123"},
        {"fare": "1e999"},
        {"seats": "1.0"},
        {"seats": "9223372036854775808"},
        {"zone": "4"},
        {"tip": "-1"},
        {"rank": "100"},
        {"paid": "null"},
        {"kind": '"night"'},
        {"id": '"\\ud800"'},
        {"at": '"2026-01-01T00:00:00+01:00"'},
        {"at": '"2023-02-29T00:00:00Z"'},
        {"at": '"9999-01-01T00:00:00Z"'},
        {"more": "[" * 70 + "]" * 70},
        {'id":"a","id': '"a"'},
    ],
)
def test_what_is_unusual_or_wrong_is_left_to_msgspec(fields):
    assert not is_regular(record(**fields))


@pytest.mark.parametrize(
    "bad", [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc3", b"\x80"]
)
@pytest.mark.parametrize("where", ['{"x":"@",', '{"@":1,'])
def test_text_that_is_no_utf_8_is_left_to_msgspec_wherever_it_stands(bad, where):
    value = where.encode().replace(b"@", bad) + record()[1:]
    assert not is_regular(value)


def test_the_order_of_fields_may_change_from_record_to_record():
    names = list(BASE)
    turned = [names[n:] + names[:n] for n in range(len(names))]
    values = [
        b"{" + b",".join(f'"{name}":{BASE[name]}'.encode() for name in order) + b"}"
        for order in turned
    ]
    found = scanned(values)
    assert not found.irregular.any()
    assert listed(found.columns()["fare"]) == [12.5] * len(values)


class Constrained(Event, frozen=True):
    id: Annotated[str, msgspec.Meta(max_length=3)]


class Forbidding(Event, frozen=True, forbid_unknown_fields=True):
    id: str


class Checked(Event, frozen=True):
    id: str

    def __post_init__(self) -> None:
        if not self.id:
            raise ValueError("no id")


class Bag(Event, frozen=True):
    words: list[str]


class Mixed(Event, frozen=True):
    label: bool | Annotated[float, msgspec.Meta(ge=0)]


@pytest.mark.parametrize("schema", [Constrained, Forbidding, Checked, Bag, Mixed])
def test_a_schema_with_more_to_check_does_not_fit(schema):
    assert shape_of(schema, members_of(schema)) is None


def test_a_column_is_a_list_where_its_array_cannot_hold_a_value():
    by_name = {member.name: member.kind for member in MEMBERS}
    far = datetime(9999, 1, 1, tzinfo=UTC)
    for name, values in [
        ("seats", [1, 2**63]), ("late", [True, None]), ("at", [far]), ("told", [True, 1.0]),
        ("count", [1, 1.0]), ("any", [0.0, 2, False]), ("sure", [1, True]),
    ]:  # fmt: skip
        assert column_of(by_name[name], values) is values
