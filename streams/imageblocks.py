"""A state cut into blocks, so that what has not changed since the last image is not kept twice.

Large arrays stand apart from the rest of the state, and are cut where their own values say so: a
row that is put in or falls out moves the cuts along with the rows behind it, and all other blocks
stay what they were (content-defined chunking, as in Muthitacharoen et al., "A Low-bandwidth Network
File System", SOSP 2001, with one value as the window).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf
from typing import Any, Final

import cramjam
import msgspec
import numpy as np
from numpy.typing import NDArray

from models.protocol import State
from models.spill import let_go
from streams.image import NO_STATE, ImageError, freeze, frozen_array, thaw, thawed_array

__all__ = ["MOST", "compressed", "cut", "expanded", "joined", "thawed"]

_APART: Final = 2
_APART_BYTES: Final = 32 << 10
_USUAL: Final = 256 << 10
_LEAST: Final = _USUAL // 4
MOST: Final = _USUAL * 2
"""Bytes of a block."""

_AT_ONCE: Final = 1 << 15
"""Values of which hashes are computed together: they stay in the processor's cache."""

# Fibonacci hashing: the high bits of a product say whether a block ends at a value. The pattern
# keeps runs of zeros, of which weights have many, from ending a block each.
_HASH: Final = {4: (0x9E3779B1, 0x55555555), 8: (0x9E3779B97F4A7C15, 0x5555555555555555)}


def cut(state: State) -> tuple[list[int], list[memoryview]]:
    """A state as the sizes of its parts in bytes, and blocks of them in order.

    The first part is the state without its large arrays, each of the others is one of those. Blocks
    have 64 to 512 kB, or less at the end of a part. They look into the state's own arrays: it may
    not change before they are written.

    Raises:
        TypeError: the state holds what could not be read again.
    """
    arrays: list[NDArray[Any]] = []

    def apart(value: Any) -> Any:
        if not isinstance(value, np.ndarray) or value.nbytes < _APART_BYTES:
            return freeze(value)
        dtype, shape, array = frozen_array(value)
        arrays.append(array)
        return msgspec.msgpack.Ext(_APART, msgspec.msgpack.encode((dtype, shape, len(arrays))))

    rest = msgspec.msgpack.Encoder(enc_hook=apart).encode(state)
    parts = [memoryview(rest), *(array.reshape(-1).view(np.uint8).data for array in arrays)]
    widths = [1, *(array.itemsize for array in arrays)]
    blocks = [
        part[start:end]
        for part, width in zip(parts, widths, strict=True)
        for start, end in _blocks(part, width)
    ]
    return [len(part) for part in parts], blocks


def joined(parts: Sequence[int], blocks: Sequence[bytes]) -> Any:
    """The state that was `cut`, arrays as copies of their own.

    Raises:
        ImageError: blocks are missing, or are no state's.
    """
    return thawed(parts, memoryview(b"".join(blocks)))


def thawed(parts: Sequence[int], whole: memoryview, copied: float = inf) -> Any:
    """The state whose blocks have been put together.

    Args:
        parts: their sizes.
        whole: all of them.
        copied: bytes up to which arrays are copies of their own; larger ones stay where they are.

    Raises:
        ImageError: it is no state's.
    """
    if not parts or min(parts) < 0 or sum(parts) != len(whole):
        raise ImageError(f"the blocks hold {len(whole)} bytes, the image has {sum(parts)}")
    ends = np.cumsum(parts).tolist()
    used: set[int] = set()

    def together(code: int, data: memoryview) -> Any:
        if code != _APART:
            return thaw(code, data)
        dtype, shape, part = msgspec.msgpack.decode(data, type=tuple[str, tuple[int, ...], int])
        if part in used or not 0 < part < len(ends):
            raise ImageError(f"the blocks are no state: part {part} is twice there, or not at all")
        used.add(part)
        raw = whole[ends[part - 1] : ends[part]]
        return thawed_array(dtype, shape, raw, copied=len(raw) <= copied)

    try:
        return msgspec.msgpack.Decoder(ext_hook=together).decode(whole[: ends[0]])
    except NO_STATE as error:
        raise ImageError(f"the blocks are no state: {error}") from error


def compressed(block: memoryview) -> bytes:
    """A block as it is kept."""
    return bytes(cramjam.zstd.compress(block, level=1))


def expanded(kept: bytes) -> bytes:
    """The block again, which never takes more memory than a block can have.

    Raises:
        ImageError: it is none.
    """
    block = bytearray(MOST)
    try:
        size = cramjam.zstd.decompress_into(kept, block)
    except cramjam.DecompressionError as error:
        raise ImageError(f"a block does not decompress: {error}") from error
    return bytes(memoryview(block)[:size])


def _blocks(part: memoryview, width: int) -> Iterator[tuple[int, int]]:
    """Where blocks begin and end: behind a value that is marked, if that is neither near nor far.

    Args:
        part: bytes.
        width: bytes of a value; narrow ones tell too little apart, and are cut by size alone.
    """
    marks = _marks(part, width) if width in _HASH else np.empty(0, np.intp)
    start, size = 0, len(part)
    while size - start > _LEAST:
        mark = np.searchsorted(marks, start + _LEAST)
        end = int(marks[mark]) if mark < len(marks) else size
        end = min(end, start + MOST, size)
        yield start, end
        start = end
    if start < size:
        yield start, size


def _marks(part: memoryview, width: int) -> NDArray[np.intp]:
    """Behind which bytes a block may end: one value in as many as a usual block has."""
    kind = np.dtype(f"<u{width}").type
    factor, pattern = map(kind, _HASH[width])
    few = kind((1 << 8 * width) // (_USUAL // width))
    values = np.frombuffer(part, kind)
    found = []
    for start in range(0, len(values), _AT_ONCE):
        some = values[start : start + _AT_ONCE]
        found.append(np.flatnonzero((some ^ pattern) * factor < few) + start)
        let_go(some)
    marks: NDArray[np.intp] = (np.concatenate(found) + 1) * width
    return marks
