"""A state in blocks: it comes back to the bit, and what is damaged does not come back at all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_image import same, states

from streams.image import ImageError, plain
from streams.imageblocks import compressed, cut, expanded, joined

KB = 1 << 10
DTYPES = ["<i4", "<i8", "<f8", "<f4", "|i1", "|b1", "<u4"]


@st.composite
def large(draw) -> np.ndarray:
    """An array that stands apart: noise, runs, or both; of one dimension or two."""
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    rows, width = draw(st.integers(40 * KB, 300 * KB)), draw(st.integers(1, 3))
    noise = np.random.default_rng(draw(st.integers(0, 99))).integers(0, 1 << 20, (rows, width))
    noise[draw(st.integers(0, rows)) :] = draw(st.integers(0, 1))
    return noise.astype(dtype)


def there_and_back(state):
    parts, pieces = cut(state)
    assert sum(parts) == sum(map(len, pieces))
    assert all(len(piece) <= 512 * KB for piece in pieces)
    return joined(parts, [expanded(compressed(piece)) for piece in pieces])


@settings(max_examples=40)
@given(states, st.lists(large(), max_size=2))
def test_a_state_comes_back_to_the_bit(rest, arrays):
    state = {"rest": rest, "arrays": arrays}
    assert same(there_and_back(state), plain(state))


@settings(max_examples=40)
@given(large())
def test_the_same_state_is_cut_the_same(array):
    assert cut([array])[0] == cut([array.copy()])[0]
    assert list(map(bytes, cut([array])[1])) == list(map(bytes, cut([array.copy()])[1]))


@settings(max_examples=40)
@given(st.data())
def test_a_row_put_in_or_taken_out_changes_the_blocks_around_it_alone(data):
    width = data.draw(st.sampled_from([1, 2, 3]))
    rows = np.random.default_rng(data.draw(st.integers(0, 99))).standard_normal((500_000, width))
    place = data.draw(st.integers(0, len(rows) - 1))
    before = set(map(bytes, cut([rows])[1]))
    for changed in (np.delete(rows, place, axis=0), np.insert(rows, place, 0.5, axis=0)):
        pieces = cut([changed])[1]
        fresh = [piece for piece in map(bytes, pieces) if piece not in before]
        # The rest of the state, which tells the array's shape, and one block or two.
        assert len(fresh) <= 4 < len(pieces) / 2


def test_runs_of_one_value_are_cut_by_size():
    for value in (0, 1, -1):
        sizes = [len(piece) for piece in cut([np.full(1_000_000, value)])[1][1:]]
        assert max(sizes) == 512 * KB
        assert min(sizes[:-1]) == 512 * KB


def test_large_arrays_come_back_writable_and_as_they_read():
    table = np.arange(200_000.0).reshape(400, 500)
    back = there_and_back({"turned": table.T[::2], "zero": np.zeros((0, 3))})
    assert back["turned"].tolist() == table.T[::2].tolist()
    assert back["zero"].shape == (0, 3)
    back["turned"] += 1


def test_blocks_look_into_the_state_and_copy_nothing():
    array = np.arange(100_000)
    _, *pieces = (np.frombuffer(piece, np.uint8) for piece in cut([array])[1])
    assert all(np.shares_memory(piece, array) for piece in pieces)


@pytest.mark.parametrize("value", [np.array(["text"] * 50_000), np.array([object()] * 50_000)])
def test_what_could_not_be_read_again_is_not_cut(value):
    with pytest.raises(TypeError, match="a state holds no array of"):
        cut([value])


def test_a_block_that_is_missing_or_added_is_found_out():
    parts, pieces = cut({"a": np.arange(200_000), "b": 3})
    blocks = list(map(bytes, pieces))
    for wrong in (blocks[:-1], [*blocks, b"more"], []):
        with pytest.raises(ImageError, match=r"the blocks hold \d+ bytes, the image has"):
            joined(parts, wrong)
    with pytest.raises(ImageError, match="the image has 0"):
        joined([], [])


def test_what_is_no_state_is_told_so():
    with pytest.raises(ImageError, match="the blocks are no state"):
        joined([3], [b"\xc1\xc1\xc1"])


def test_a_block_takes_no_more_memory_than_a_block_has():
    bomb = compressed(memoryview(bytes(600 * KB)))
    with pytest.raises(ImageError, match="a block does not decompress"):
        expanded(bomb)
    with pytest.raises(ImageError, match="a block does not decompress"):
        expanded(b"no zstd")
