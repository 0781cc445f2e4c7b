"""An image of a task: its whole state as bytes, checked when it is read again."""

from __future__ import annotations

import hashlib
from typing import Any

import cramjam
import msgspec
import numpy as np

from models.protocol import State

__all__ = ["FORMAT", "Image", "ImageError", "pack", "unpack"]

FORMAT = 2
_ARRAY = 1
_DTYPES = frozenset({"|b1", "|i1", "|u1", "<i4", "<u4", "<i8", "<u8", "<f4", "<f8"})


class ImageError(Exception):
    """An image that cannot be used: torn, tampered with, or another pipeline's."""


class Image(msgspec.Struct, frozen=True):
    """What an image holds.

    Attributes:
        format: version of the layout.
        model: the pipeline's name and fingerprint.
        partition: number of the partition.
        positions: by topic, the offset to read on from.
        state: the task's state; NumPy arrays, bytes, text, numbers, lists and mappings.
    """

    format: int
    model: str
    partition: int
    positions: dict[str, int]
    state: Any


def pack(image: Image) -> bytes:
    """Serialise and compress; equal states give equal bytes."""
    body = bytes(cramjam.zstd.compress(_encoder.encode(image), level=1))
    return hashlib.sha256(body).digest() + body


def unpack(data: bytes) -> Image:
    """Check and read an image.

    Raises:
        ImageError: the checksum does not match, or this version cannot read the format.
    """
    digest, body = data[:32], data[32:]
    if hashlib.sha256(body).digest() != digest:
        raise ImageError(f"the image is damaged: {len(data)} bytes do not match their checksum")
    image = _decoder.decode(bytes(cramjam.zstd.decompress(body)))
    if image.format != FORMAT:
        raise ImageError(f"the image has format {image.format}, this version reads {FORMAT}")
    return image


def plain(state: State) -> Any:
    """A state as `unpack` would return it: sequences as lists, arrays as arrays."""
    return msgspec.msgpack.Decoder(ext_hook=_thaw).decode(_encoder.encode(state))


def _freeze(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        if value.dtype.str not in _DTYPES:
            raise TypeError(f"a state holds no array of {value.dtype}")
        layout = (value.dtype.str, value.shape, value.tobytes())
        return msgspec.msgpack.Ext(_ARRAY, msgspec.msgpack.encode(layout))
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"a state holds no {type(value).__name__}")


def _thaw(code: int, data: memoryview) -> Any:
    if code != _ARRAY:
        raise ImageError(f"the image holds an unknown type {code}")
    dtype, shape, raw = msgspec.msgpack.decode(data, type=tuple[str, tuple[int, ...], bytes])
    if dtype not in _DTYPES:
        raise ImageError(f"the image holds an array of {dtype}")
    return np.frombuffer(raw, dtype).reshape(shape).copy()


_encoder = msgspec.msgpack.Encoder(enc_hook=_freeze)
_decoder = msgspec.msgpack.Decoder(Image, ext_hook=_thaw)
