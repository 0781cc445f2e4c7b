from __future__ import annotations

import hashlib

import cramjam
import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from streams.image import FORMAT, Image, ImageError, pack, plain, unpack

arrays = npst.arrays(
    st.sampled_from(["<i4", "<i8", "<f8", "|i1", "|b1", "<u4"]),
    npst.array_shapes(max_dims=3, max_side=4, min_side=0),
)
leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.text()
    | st.binary()
    | arrays
)
states = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


def image(state) -> Image:
    return Image(FORMAT, "shop-00000000", 3, {"events": 7}, state)


def same(a, b) -> bool:
    """Equal to the bit: NaN equals NaN, 0.0 is not -0.0, and arrays have one type and shape."""
    if isinstance(a, np.ndarray):
        return (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float):
        return np.float64(a).tobytes() == np.float64(b).tobytes()
    return type(a) is type(b) and a == b


@given(states)
def test_a_state_comes_back_to_the_bit(state):
    found = unpack(pack(image(state)))
    assert (found.format, found.model, found.partition) == (FORMAT, "shop-00000000", 3)
    assert found.positions == {"events": 7}
    assert same(found.state, state)
    assert same(plain(state), state)


@given(states)
def test_packing_what_was_unpacked_gives_the_same_bytes(state):
    data = pack(image(state))
    assert pack(unpack(data)) == data


def test_arrays_come_back_writable():
    [array] = unpack(pack(image([np.arange(3)]))).state
    array += 1
    assert array.tolist() == [1, 2, 3]


def test_an_array_that_is_not_contiguous_is_kept_as_it_reads():
    table = np.arange(12.0).reshape(3, 4)
    assert unpack(pack(image(table.T[::2]))).state.tolist() == table.T[::2].tolist()


@given(st.data())
def test_a_damaged_image_is_refused(data):
    packed = pack(image({"weights": np.arange(50.0)}))
    place = data.draw(st.integers(0, len(packed) - 1))
    flipped = bytearray(packed)
    flipped[place] ^= data.draw(st.integers(1, 255))
    for damaged in (bytes(flipped), packed[:place]):
        with pytest.raises(ImageError, match=r"damaged: .* do not match their checksum"):
            unpack(damaged)


def test_an_image_of_another_format_is_refused():
    later = msgspec.structs.replace(image(None), format=FORMAT + 1)
    with pytest.raises(ImageError, match=f"has format {FORMAT + 1}, this version reads {FORMAT}"):
        unpack(pack(later))


@pytest.mark.parametrize(
    "value", [object(), np.array([object()]), np.array(["text"]), 1j], ids=repr
)
def test_what_could_not_be_read_again_is_not_written(value):
    with pytest.raises(TypeError, match="a state holds no"):
        pack(image(value))


def test_an_array_of_a_type_that_is_never_written_is_not_read():
    layout = msgspec.msgpack.encode(("|O", (1,), b"12345678"))
    body = msgspec.msgpack.encode(image(msgspec.msgpack.Ext(1, layout)))
    packed = bytes(cramjam.zstd.compress(body, level=1))
    with pytest.raises(ImageError, match=r"an array of \|O"):
        unpack(hashlib.sha256(packed).digest() + packed)
