from __future__ import annotations

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from slicing import slice_of

from streams.codec import Reject
from streams.letters import DeadLetter, dead_letters
from streams.slices import Record, Records

KAFKAS_OWN_LIMIT = 1_048_588


def written(letters: Records) -> list[DeadLetter]:
    """The letters as somebody reads them."""
    rows = zip(letters.keys, letters.values, letters.timestamps, letters.headers, strict=True)
    return [DeadLetter.of(Record("dead", 0, n, *row)) for n, row in enumerate(rows)]


def batch_size(letters: Records) -> int:
    builder = DefaultRecordBatchBuilder(2, 0, 1, -1, -1, 0, 1 << 30)
    for n, row in enumerate(
        zip(letters.timestamps, letters.keys, letters.values, letters.headers, strict=True)
    ):
        builder.append(n, *row)
    return len(builder.build())


def test_a_letter_is_the_record_as_it_came_with_why_and_from_where():
    headers = [[("trace", b"7"), ("empty", None)], []]
    records = slice_of([b"\xff{", None], "payments", 40, [b"k", None], [5, 6], headers)
    rejects = [Reject(0, "malformed", "invalid character"), Reject(1, "null-value", "a tombstone")]
    first, second = written(dead_letters(records, rejects))
    assert (first.reason, first.detail) == ("malformed", "invalid character")
    assert (first.topic, first.partition, first.offset) == ("payments", 0, 40)
    assert (first.raw.key, first.raw.value, first.raw.timestamp) == (b"k", b"\xff{", 5)
    assert list(first.headers) == headers[0]
    assert (second.reason, second.offset, second.raw.key, second.raw.value) == (
        "null-value",
        41,
        None,
        None,
    )
    assert first.cut == second.cut == ()


def test_a_letter_that_is_turned_away_again_tells_its_last_journey_only():
    [once] = written(
        dead_letters(slice_of([b"{"], "payments"), [Reject(0, "malformed", "first time")])
    )
    again = slice_of([once.raw.value], "corrected", 9, headers=[once.raw.headers])
    [twice] = written(dead_letters(again, [Reject(0, "schema", "second time")]))
    assert (twice.reason, twice.detail, twice.topic, twice.offset) == (
        "schema",
        "second time",
        "corrected",
        9,
    )
    assert len(twice.raw.headers) == len(once.raw.headers)


@pytest.mark.parametrize(
    ("key", "headers", "value", "cut"),
    [
        (b"k", [], b"x" * 1_000_000, ()),
        (b"k", [], b"x" * 1_048_400, ("value",)),
        (None, [], b"x" * 50_000_000, ("value",)),
        (b"k" * 600_000, [], b"x" * 600_000, ("key", "value")),
        (b"k", [("h", b"y" * 700_000)], b"x" * 600_000, ("headers",)),
        (b"k" * 600_000, [("h", b"y" * 700_000)], b"x" * 900_000, ("key", "headers", "value")),
        (None, [("h", b"y" * 700_000)], None, ("headers",)),
    ],
)
def test_a_letter_fits_into_a_topic_with_kafkas_own_limit(key, headers, value, cut):
    records = slice_of([value], "p" * 249, keys=[key], headers=[headers])
    letters = dead_letters(records, [Reject(0, "too-large", "word " * 100_000)])
    [letter] = written(letters)
    assert batch_size(letters) <= KAFKAS_OWN_LIMIT
    assert letter.cut == cut
    assert (value or b"").startswith(letter.raw.value or b"")
    assert (key or b"").startswith(letter.raw.key or b"")
    for name, part, whole in (("key", letter.raw.key, key), ("value", letter.raw.value, value)):
        assert (part == whole) == (name not in cut)
