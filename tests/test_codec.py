from __future__ import annotations

from typing import Literal

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from slicing import slice_of

from models.bytecolumn import ByteColumn
from models.column import listed
from models.textcolumn import TextColumn
from streams import Event
from streams.codec import Decoder

LIMIT = 2_000


class Reading(Event, frozen=True):
    id: str
    level: float
    state: Literal["on", "off"] = "on"
    sure: bool | float | None = None


GOOD = b'{"id":"a","level":1.5}'

HOSTILE = [
    GOOD,
    b'{"id":"b","level":2,"more":[{},{"x":"}\\n{"}]}',
    b'{"id":"}{","level":0}',
    b'{"id":"}\\n{","level":0}',
    b' \t{"id":"c","level":1}\r',
    b'{"id":"d",\n"level":1}',
    b'{"id":"e","level":1}\n',
    b'\n{"id":"e","level":1}',
    b'{"id":"f","level":1}{"id":"g","level":1}',
    b'{"id":"f","level":1}\n{"id":"g","level":1}',
    b'{"id":"f","level":1} {"id":"g","level":1}',
    b"",
    b" ",
    b"\n",
    b"{}",
    b"}",
    b"{",
    b'{"id":"h","le',
    b'vel":1}',
    b'{"id":"i","level":{',
    b"}\n{",
    b'{"id":"j}',
    b'{j","level":1}',
    b"\xef\xbb\xbf" + GOOD,
    b'{"id":"\xff\xfe","level":1}',
    b'{"id":"\xc3","level":1}',
    b'{"id":"\\ud800","level":1}',
    b'{"id":"k","level":NaN}',
    b'{"id":"k","level":-Infinity}',
    b'{"id":"k","level":1e999}',
    b'{"id":"k","level":' + b"9" * 400 + b"}",
    b'{"id":"k","level":"1"}',
    b'{"id":"k","level":null}',
    b'{"id":"k","level":true}',
    b'{"id":"k","level":1,"sure":true}',
    b'{"id":"k","level":1,"sure":1}',
    b'{"id":"k","level":1,"s\\u0075re":true}',
    b'{"id":"k","level":1,"s\\u0075re":1}',
    b'{"id":"k","level":1,"s\\u0075re":null}',
    b'{"id":7,"level":1}',
    b'{"level":1}',
    b'{"id":"k","level":1,"state":"maybe"}',
    b'{"id":"k","level":1,"level":2}',
    b"[" + GOOD + b"]",
    b"null",
    b"7",
    b'"text"',
    GOOD + b"\x00",
    GOOD + b",",
    b"\x00\x01\x02",
    b'{"id":"l","level":1,"more":"' + b"x" * LIMIT + b'"}',
    None,
]

values = st.one_of(
    st.sampled_from(HOSTILE),
    st.binary(max_size=30),
    st.builds(lambda a, b: a + b, *[st.sampled_from([v for v in HOSTILE if v])] * 2),
    st.builds(lambda v, at: v[:at], st.sampled_from([v for v in HOSTILE if v]), st.integers(0, 40)),
)


def expected(value: bytes | None) -> Reading | str:
    """What one value by itself is: an event, or a reason to turn it away."""
    if value is None:
        return "null-value"
    if len(value) > LIMIT:
        return "too-large"
    try:
        return msgspec.json.decode(value, type=Reading)
    except msgspec.ValidationError:
        return "schema"
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "malformed"


@settings(deadline=None)
@given(st.lists(values, max_size=8), st.sampled_from([list, ByteColumn.of]))
@example([b'{"id":"f","level":1}{"id":"g","level":1}', b""], list)
@example([b'{"id":"f","level":1}{"id":"g","level":1}', GOOD, b'{"id":"i","level":{', b"}"], list)
@example([b"}\n{", GOOD, GOOD], list)
@example([b'{"id":"j}', b'{j","level":1}', b'{"id":"f","level":1}{"id":"g","level":1}'], list)
@example([b'{"id":"h","le', b'vel":1}', GOOD], list)
def test_a_slice_decodes_as_its_records_would_one_by_one(records, column):
    decoded = Decoder(Reading, LIMIT).decode(slice_of(column(records)))
    got: list[Reading | str | None] = [None] * len(records)
    fields = [listed(decoded.column(name)) for name in Reading.__struct_fields__]
    for *values, place in zip(*fields, decoded.places, strict=True):
        got[place] = Reading(*values)
    for reject in decoded.rejects:
        got[reject.place] = reject.reason
    assert list(map(repr, got)) == [repr(expected(value)) for value in records]  # True is not 1.0
    assert [r.place for r in decoded.rejects] == sorted(r.place for r in decoded.rejects)
    assert len(decoded) + len(decoded.rejects) == len(records)


@pytest.mark.parametrize(
    ("value", "reason", "words"),
    [
        (None, "null-value", "tombstone"),
        (b'{"id":"k","level":NaN}', "malformed", "malformed"),
        (b'{"id":"\xff","level":1}', "malformed", "utf-8"),
        (b'{"level":1}', "schema", "missing required field `id`"),
        (b'{"id":"k","level":"1"}', "schema", "Expected `float`, got `str` - at `$.level`"),
        (b'{"id":"k","level":1e999}', "schema", "out of range"),
        (b"x" * (LIMIT + 1), "too-large", "2,001 bytes, the limit is 2,000"),
    ],
)
def test_a_rejected_record_says_why_in_the_decoders_own_words(value, reason, words):
    [reject] = Decoder(Reading, LIMIT).decode(slice_of([value])).rejects
    assert reject.reason == reason
    assert words in reject.detail


def test_a_value_nested_beyond_reason_is_malformed_like_any_other():
    value = b'{"id":"a","level":1,"more":' + b"[" * 50_000
    decoded = Decoder(Reading, 1_000_000).decode(slice_of([GOOD, value]))
    assert listed(decoded.column("id")) == ["a"]
    assert [reject.reason for reject in decoded.rejects] == ["malformed"]


@pytest.mark.parametrize("beside", [[], [GOOD]])
def test_key_and_headers_count_towards_the_size_for_the_prediction_repeats_them(beside):
    room = LIMIT - len(GOOD)
    values = [*beside, GOOD, GOOD, GOOD, GOOD]
    keys = [*(b"" for _ in beside), b"k" * room, b"k" * (room + 1), None, None]
    headers = [*([] for _ in beside), [], [], [("h", b"x" * (room - 1))], [("h", b"x" * room)]]
    records = slice_of(values, keys=keys, headers=headers)
    decoded = Decoder(Reading, LIMIT).decode(records)
    first = len(beside)
    assert [reject.place - first for reject in decoded.rejects] == [1, 3]
    assert {reject.reason for reject in decoded.rejects} == {"too-large"}


def test_a_key_is_short_whatever_the_limit_for_records():
    records = slice_of([GOOD, GOOD], keys=[b"\x01" * 65_536, b"\x01" * 65_537])
    [reject] = Decoder(Reading, 1_000_000).decode(records).rejects
    assert (reject.place, reject.reason) == (1, "too-large")
    assert "a key of 65,537 bytes" in reject.detail


def test_events_can_be_turned_away_after_they_were_decoded():
    decoded = Decoder(Reading, LIMIT).decode(slice_of([GOOD, None, GOOD, GOOD]))
    rest = decoded.without({0: ("time", "why"), 2: ("number", "not so")})
    assert list(rest.places) == [2]
    assert [(r.place, r.reason) for r in rest.rejects] == [
        (0, "time"),
        (1, "null-value"),
        (3, "number"),
    ]


class Counted(Event, frozen=True):
    id: str
    words: list[str]
    level: float | None = None
    seats: int | None = None


def test_only_the_odd_records_of_a_slice_are_decoded_one_by_one():
    values = [GOOD, b'{"id":"b","level":1e400}', b'{"\\u0069d":"\xc3\xa9","level":2}', None, GOOD]
    decoded = Decoder(Reading, LIMIT).decode(slice_of(values))
    assert decoded.one_by_one == 3
    assert list(decoded.places) == [0, 2, 4]
    assert listed(decoded.column("id")) == ["a", "é", "a"]
    assert isinstance(decoded.column("id"), TextColumn)
    assert decoded.column("level").tolist() == [1.5, 2.0, 1.5]
    assert listed(decoded.column("state")) == ["on"] * 3


def test_a_schema_that_the_scanner_does_not_fit_gives_columns_of_the_same_kinds():
    values = [b'{"id":"a","words":["b"],"seats":2}', b"{}", b'{"id":"c","words":[],"level":1}']
    decoded = Decoder(Counted, LIMIT).decode(slice_of(values))
    assert decoded.one_by_one == 3
    assert isinstance(decoded.column("id"), TextColumn)
    assert decoded.column("words") == [["b"], []]
    assert listed(decoded.column("level")) == [None, 1.0]
    assert decoded.column("seats") == [2, None]
