"""Columns of messages: merging, cutting and sorting lose nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.blocks import Block


def block(arrivals: list[int], name: str = "a") -> Block:
    values = [f"{name}{i}".encode() for i in range(len(arrivals))]
    roles = ["events" if arrival % 2 else "labels" for arrival in arrivals]
    return Block(roles, values, values, arrivals, arrivals)


arrivals = st.lists(st.integers(-50, 50), max_size=30)


@given(arrivals, arrivals)
def test_merging_sorts_by_arrival_and_keeps_the_order_of_what_arrives_together(first, second):
    merged = Block.merge([block(first, "a"), block(second, "b")])
    tagged = [(at, f"a{i}") for i, at in enumerate(first)]
    tagged += [(at, f"b{i}") for i, at in enumerate(second)]
    expected = sorted(tagged, key=lambda pair: pair[0])
    assert list(zip(merged.arrivals, merged.values, strict=True)) == [
        (at, name.encode()) for at, name in expected
    ]


@given(arrivals, st.integers(1, 10))
def test_pieces_and_spans_put_together_are_the_block(times, size):
    whole = block(sorted(times))
    pieces, spans = list(whole.pieces(size)), list(whole.spans(-50, size))
    assert Block.merge(pieces) == Block.merge(part for _, part in spans) == whole
    assert all(0 < len(piece) <= size for piece in pieces)
    assert [number for number, _ in spans] == sorted({(at + 50) // size for at in times})
    assert all((at + 50) // size == number for number, part in spans for at in part.arrivals)


def test_one_role_is_taken_out_in_order():
    assert block([1, 2, 4, 5]).of("labels").arrivals == [2, 4]
    assert block([1, 2, 4, 5]).of("events").arrivals == [1, 5]
    assert list(Block().pieces(None)) == []
