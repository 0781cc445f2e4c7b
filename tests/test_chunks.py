"""Records as columns, cut and merged."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.chunks import Chunk, joined, merged
from streams.errors import TeachingError


def chunks(times: list[int], size: int, name: str) -> list[Chunk]:
    values = [f"{name}{i}".encode() for i in range(len(times))]
    whole = Chunk(values, [value[:1] for value in values], times)
    return [whole.cut(start, start + size) for start in range(0, len(times), size)]


TIMES = st.lists(st.integers(0, 50), max_size=40).map(sorted)


@given(TIMES, TIMES, st.integers(1, 7), st.integers(1, 7))
def test_merged_records_ascend_in_time_and_none_is_lost(events, labels, size, other):
    found = list(merged({"e": chunks(events, size, "e"), "l": chunks(labels, other, "l")}))
    times = [time for chunk in found for time in chunk.timestamps]
    assert times == sorted(events + labels)
    for role, count in (("e", len(events)), ("l", len(labels))):
        own = [
            value
            for chunk in found
            for value, own_role in zip(chunk.values, chunk.roles, strict=True)
            if own_role == role
        ]
        assert own == [f"{role}{i}".encode() for i in range(count)]


def test_of_records_at_the_same_time_the_source_named_first_comes_first():
    (chunk,) = merged({"labels": chunks([7], 1, "l"), "events": chunks([7], 1, "e")})
    assert chunk.roles == ["labels", "events"]
    assert chunk.keys == [b"l", b"e"]


def test_a_source_that_does_not_ascend_still_comes_to_its_end():
    found = list(merged({"e": chunks([9, 3, 5], 3, "e"), "l": chunks([4], 1, "l")}))
    assert sorted(value for chunk in found for value in chunk.values) == [
        b"e0",
        b"e1",
        b"e2",
        b"l0",
    ]


def test_records_without_a_time_cannot_be_merged_by_time():
    with pytest.raises(TeachingError, match="write: --time at"):
        list(merged({"events": [Chunk([b"{}"])]}))


def test_a_cut_cuts_every_column():
    chunk = Chunk([b"a", b"b", b"c"], [b"1", None, b"3"], [1, 2, 3], ["x", "y", "z"])
    assert chunk.cut(1, 3) == Chunk([b"b", b"c"], [None, b"3"], [2, 3], ["y", "z"])
    assert len(Chunk([b"a", b"b"]).cut(0, 1)) == 1


@given(st.lists(st.lists(st.none() | st.binary(max_size=3), max_size=5), min_size=1, max_size=5))
def test_chunks_joined_are_one_chunk_with_a_key_for_each_record_that_had_one(parts):
    chunks = [Chunk(part, part if i % 2 else None, [i] * len(part)) for i, part in enumerate(parts)]
    whole = joined(chunks)
    assert whole.values == [value for part in parts for value in part]
    keys = [key if i % 2 else None for i, part in enumerate(parts) for key in part]
    assert (whole.keys or [None] * len(whole)) == keys
    assert whole.timestamps == [i for i, part in enumerate(parts) for _ in part]
    assert whole.roles is None
