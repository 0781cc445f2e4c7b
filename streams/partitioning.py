"""Which partition a key belongs to: the same one as for Kafka's own Java clients."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.bytecolumn import ByteColumn
from models.compiled import compiled

__all__ = ["murmur2", "partitions_of"]


def murmur2(keys: Sequence[bytes | None]) -> NDArray[np.uint32]:
    """The 32-bit MurmurHash2 of each key, as Kafka computes it; uint32[n], 0 where there is none.

    Source: Appleby's MurmurHash2 with the seed of ``org.apache.kafka.common.utils.Utils.murmur2``.
    """
    column = ByteColumn.of(keys)
    hashed = np.zeros(len(column), np.uint32)
    _hash(np.frombuffer(column.data, np.uint8), column.starts, column.lengths, hashed)
    return hashed


def partitions_of(keys: Sequence[bytes | None], count: int, turn: int = 0) -> NDArray[np.int64]:
    """The partition of each key among `count`; int64[n].

    Keys go where the Java client's default partitioner sends them. Records without a key take
    turns, the first of them partition `turn`; the next call takes ``turn + number of None`` on.
    """
    column = ByteColumn.of(keys)
    partition = (murmur2(column) & np.uint32(0x7FFFFFFF)).astype(np.int64) % count
    bare = np.flatnonzero(column.lengths < 0)
    partition[bare] = (turn + np.arange(len(bare))) % count
    return partition


@compiled
def _hash(
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    hashed: NDArray[np.uint32],
) -> None:
    m = np.uint32(0x5BD1E995)
    for n in range(len(starts)):
        if lengths[n] < 0:
            continue
        h = np.uint32(0x9747B28C) ^ np.uint32(lengths[n])
        at, rest = starts[n], lengths[n]
        while rest > 0:
            k = np.uint32(0)
            for i in range(min(rest, 4)):
                k |= np.uint32(data[at + i]) << np.uint32(8 * i)
            if rest >= 4:
                k = np.uint32(k * m)
                k ^= k >> np.uint32(24)
                h = np.uint32(h * m) ^ np.uint32(k * m)
            else:
                h = np.uint32((h ^ k) * m)
            at += 4
            rest -= 4
        h ^= h >> np.uint32(13)
        h = np.uint32(h * m)
        hashed[n] = h ^ (h >> np.uint32(15))
