import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.slices import Records, Slice


@st.composite
def slices(draw):
    """A slice whose log has control records, compacted gaps and headers here and there."""
    start = draw(st.integers(0, 5))
    offsets = sorted(draw(st.sets(st.integers(start, start + 30), max_size=20)))
    following = max([start, *(offset + 1 for offset in offsets)]) + draw(st.integers(0, 3))
    n = len(offsets)
    headers = [[("n", b"%d" % offset)] for offset in offsets] if draw(st.booleans()) else None
    keys = [b"k%d" % offset for offset in offsets]
    values = [None if offset % 7 == 3 else b"v%d" % offset for offset in offsets]
    stamps = [1_000 + offset for offset in offsets]
    assert n == len(values)
    return Slice("t", 0, start, following, offsets, keys, values, stamps, headers)


def rows(*parts):
    return [
        row
        for part in parts
        for row in zip(
            part.offsets,
            part.keys,
            part.values,
            part.timestamps,
            part.headers or [None] * len(part),
            strict=True,
        )
    ]


@given(slices(), st.integers(0, 45))
def test_before_and_since_share_the_records_out(whole, position):
    head, tail = whole.before(position), whole.since(position)
    assert rows(head, tail) == rows(whole)
    assert all(offset < position for offset in head.offsets)
    assert all(offset >= position for offset in tail.offsets)


@given(slices(), st.data())
def test_before_and_since_leave_no_gap_between_them(whole, data):
    position = data.draw(st.integers(whole.start, whole.next))
    head, tail = whole.before(position), whole.since(position)
    assert (head.start, head.next, tail.start, tail.next) == (
        whole.start,
        position,
        position,
        whole.next,
    )


@given(slices(), st.integers(0, 45))
def test_a_slice_never_ends_before_it_begins(whole, position):
    for part in (whole.before(position), whole.since(position)):
        assert part.start <= part.next


@given(slices())
def test_a_slice_that_lies_wholly_on_one_side_is_not_copied(whole):
    assert whole.since(whole.start) is whole
    assert whole.before(whole.next) is whole


@given(slices(), st.integers(1, 25))
def test_pieces_are_the_same_records_end_to_end(whole, size):
    parts = whole.pieces(size)
    assert rows(*parts) == rows(whole)
    assert all(len(part) <= size for part in parts)
    assert [part.start for part in parts[1:]] == [part.next for part in parts[:-1]]
    assert (parts[0].start, parts[-1].next) == (whole.start, whole.next)


@given(slices(), st.integers(1, 25))
def test_pieces_are_as_few_as_can_be(whole, size):
    assert len(whole.pieces(size)) == max(1, -(-len(whole) // size))


@pytest.mark.parametrize("position", [0, 4, 9])
def test_an_empty_slice_still_says_how_far_the_log_was_read(position):
    empty = Slice("t", 0, 4, 9, [], [], [], [])
    assert empty.since(position).next == 9
    assert len(empty.since(position)) == len(empty.before(position)) == 0


@pytest.mark.parametrize("headers", [(None, None), ([()], None), (None, [(("a", b"1"),)])])
def test_records_of_several_slices_are_sent_as_one(headers):
    first, second = (
        Records([b"k"], [b"x"], [1], headers[0]),
        Records([b"k"], [None], [2], headers[1]),
    )
    whole = Records.joined([first, second])
    assert (whole.keys, whole.values) == ([b"k", b"k"], [b"x", None])
    assert list(whole.timestamps) == [1, 2]
    one, other = ((own or [()])[0] for own in headers)
    assert whole.headers == (None if headers == (None, None) else [one, other])
    assert Records.joined([first]) is first
