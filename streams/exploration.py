"""Chance that is the same at every replay: drawn from an event's id, and a seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.digests import digests
from models.textcolumn import TextColumn

__all__ = ["drawn"]

_GOLDEN = 0x9E3779B97F4A7C15


def drawn(ids: TextColumn, seed: int) -> NDArray[np.float64]:
    """A number in [0, 1) for each id, float64[n], as good as random and independent between seeds.

    It is the digest of the id, mixed with the seed by the finaliser of MurmurHash3 (Appleby 2011).
    Who chooses ids, and knows the seed, can choose the number.
    """
    mixed = digests(ids)[:, 0] ^ np.uint64((seed + 1) * _GOLDEN % 2**64)
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        mixed = (mixed ^ mixed >> np.uint64(33)) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(33)
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53
