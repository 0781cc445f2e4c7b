from __future__ import annotations

from datetime import UTC
from typing import Literal

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from slicing import slice_of

from streams import Event
from models.bytecolumn import ByteColumn
from streams.codec import Decoder, Prediction, encode

LIMIT = 2_000


class Reading(Event, frozen=True):
    id: str
    level: float
    state: Literal["on", "off"] = "on"


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


@given(st.lists(values, max_size=8), st.sampled_from([list, ByteColumn.of]))
@example([b'{"id":"f","level":1}{"id":"g","level":1}', b""], list)
@example([b'{"id":"f","level":1}{"id":"g","level":1}', GOOD, b'{"id":"i","level":{', b"}"], list)
@example([b"}\n{", GOOD, GOOD], list)
@example([b'{"id":"j}', b'{j","level":1}', b'{"id":"f","level":1}{"id":"g","level":1}'], list)
@example([b'{"id":"h","le', b'vel":1}', GOOD], list)
def test_a_slice_decodes_as_its_records_would_one_by_one(records, column):
    decoded = Decoder(Reading, LIMIT).decode(slice_of(column(records)))
    got: list[Reading | str | None] = [None] * len(records)
    for event, place in zip(decoded.events, decoded.places, strict=True):
        got[place] = event
    for reject in decoded.rejects:
        got[reject.place] = reject.reason
    assert got == [expected(value) for value in records]
    assert [r.place for r in decoded.rejects] == sorted(r.place for r in decoded.rejects)
    assert len(decoded.events) + len(decoded.rejects) == len(records)


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
    assert [event.id for event in decoded.events] == ["a"]
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


lines = st.builds(
    Prediction,
    st.none() | st.text(),
    st.none() | st.text(),
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
    st.none() | st.booleans() | st.text() | st.integers(-(2**63), 2**63 - 1),
    st.text(),
    st.integers(0, 2**40),
    st.datetimes(timezones=st.just(UTC)),
    st.integers(0, 10_000),
    st.integers(0, 2**60),
)


@given(st.lists(lines, max_size=5))
def test_each_prediction_is_one_line_of_json_that_reads_back(predictions):
    encoded = encode(predictions)
    assert [msgspec.json.decode(line, type=Prediction) for line in encoded] == predictions
    assert all(b"\n" not in line for line in encoded)
