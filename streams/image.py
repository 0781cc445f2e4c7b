"""An image of a task: its whole state as bytes, checked when it is read again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cramjam
import msgspec
import numpy as np
from numpy.typing import NDArray

from models.protocol import State
from streams.errors import UNREADABLE

__all__ = [
    "FORMAT",
    "NO_STATE",
    "Image",
    "ImageError",
    "fitting",
    "freeze",
    "frozen_array",
    "pack",
    "plain",
    "thaw",
    "thawed_array",
    "unpack",
]

FORMAT = 4
_ARRAY = 1
_DTYPES = frozenset({"|b1", "|i1", "|u1", "<i4", "<u4", "<i8", "<u8", "<f4", "<f8"})


class ImageError(Exception):
    """An image that cannot be used: torn, tampered with, or another pipeline's."""


NO_STATE = (*UNREADABLE, ValueError, IndexError, OverflowError)
"""What bytes that are no state, or no array of one, make of themselves when they are read."""


class Image(msgspec.Struct, frozen=True):
    """What an image holds.

    Attributes:
        format: version of the layout.
        model: the pipeline's name and fingerprint.
        partition: number of the partition.
        positions: by topic, the offset to read on from.
        state: the task's state; NumPy arrays, bytes, text, numbers, lists and mappings.
        described: what the pipeline was; see `Pipeline.described`.
    """

    format: int
    model: str
    partition: int
    positions: dict[str, int]
    state: Any
    described: dict[str, Any] = {}


def pack(image: Image) -> bytes:
    """Serialise and compress; equal states give equal bytes."""
    body = bytes(cramjam.zstd.compress(_encoder.encode(image), level=1))
    return hashlib.sha256(body).digest() + body


def unpack(data: bytes) -> Image:
    """Check and read an image.

    Raises:
        ImageError: it is damaged, or this version cannot read the format.
    """
    digest, body = data[:32], data[32:]
    if hashlib.sha256(body).digest() != digest:
        raise ImageError(f"the image is damaged: {len(data)} bytes do not match their checksum")
    try:
        image = _decoder.decode(bytes(cramjam.zstd.decompress(body)))
    except (cramjam.DecompressionError, *NO_STATE) as error:
        raise ImageError(f"the image is damaged: {error}") from error
    if image.format != FORMAT:
        raise ImageError(f"the image has format {image.format}, this version reads {FORMAT}")
    return image


@contextmanager
def fitting() -> Iterator[None]:
    """Has a state that is not shaped as a task keeps it be an image that cannot be used.

    Raises:
        ImageError: what went wrong inside of the block.
    """
    try:
        yield
    except (LookupError, TypeError, AttributeError, OverflowError, ValueError) as error:
        if isinstance(error, ValueError) and type(error) is not ValueError:
            raise  # has words of its own, such as those about another version of River
        raise ImageError(f"its state is no state of this pipeline: {error!r}") from error


def plain(state: State) -> Any:
    """A state as `unpack` would return it: sequences as lists, arrays as arrays."""
    return msgspec.msgpack.Decoder(ext_hook=thaw).decode(_encoder.encode(state))


def frozen_array(value: Any) -> tuple[str, tuple[int, ...], Any]:
    """Type, shape and contiguous values of what msgpack does not know; a NumPy number as such.

    Raises:
        TypeError: it could not be read again.
    """
    if not isinstance(value, np.ndarray):
        raise TypeError(f"a state holds no {type(value).__name__}")
    if value.dtype.str not in _DTYPES:
        raise TypeError(f"a state holds no array of {value.dtype}")
    return value.dtype.str, value.shape, np.ascontiguousarray(value)


def thawed_array(
    dtype: str, shape: tuple[int, ...], raw: Any, *, copied: bool = True
) -> NDArray[Any]:
    """The array again, a copy that can be written to; or else where it lies.

    Raises:
        ImageError: no state holds such an array.
    """
    if dtype not in _DTYPES:
        raise ImageError(f"the image holds an array of {dtype}")
    array = np.frombuffer(raw, dtype).reshape(shape)
    return array.copy() if copied else array


def freeze(value: Any) -> Any:
    """What msgpack writes for what it does not know."""
    if isinstance(value, np.generic):
        return value.item()
    dtype, shape, array = frozen_array(value)
    return msgspec.msgpack.Ext(_ARRAY, msgspec.msgpack.encode((dtype, shape, array.tobytes())))


def thaw(code: int, data: memoryview) -> Any:
    """What that was."""
    if code != _ARRAY:
        raise ImageError(f"the image holds an unknown type {code}")
    return thawed_array(*msgspec.msgpack.decode(data, type=tuple[str, tuple[int, ...], bytes]))


_encoder = msgspec.msgpack.Encoder(enc_hook=freeze)
_decoder = msgspec.msgpack.Decoder(Image, ext_hook=thaw)
