"""Keeps freed memory for the next slice, instead of fetching it from the kernel page by page."""

from __future__ import annotations

import ctypes
import sys

__all__ = ["keep_freed_memory"]

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -2, -3, -8  # malloc.h
_MIB = 1 << 20


def keep_freed_memory() -> bool:
    """Tell glibc's malloc to reuse blocks of up to 1 MiB; whether this process has glibc.

    By default it maps every block of 128 KiB and more anew and gives it back when it is freed. A
    slice's columns are such blocks: their page faults would cost more than what is done with them.
    At most 256 MiB of freed memory are kept. All threads share them, for what one has fetched
    another one frees.

    Larger blocks are few: what a fetch brought, a model's weights. They live longer than columns,
    and among these they would leave gaps that nothing fits into, so that memory would go on growing
    by a little for a long time.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    sizes = ((_MMAP_THRESHOLD, 1), (_TRIM_THRESHOLD, 256), (_TOP_PAD, 16))
    taken = [mallopt(option, mib * _MIB) for option, mib in sizes]
    taken.append(mallopt(_ARENA_MAX, 1))
    return all(taken)
