"""Arrays in files, of which only so much stays in memory.

What waits for a label is written once, at the end, read once, mostly in the order in which it was
written, and forgotten from the beginning. So a file grows at its end and has its beginning cut off;
it is mapped into memory, and kernels read it as they read any array. Pages beyond what may be used
are taken out of the process's memory; what is not needed there is the page cache's to keep.
"""

from __future__ import annotations

import errno
import mmap
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from weakref import WeakSet

import numpy as np
from numpy.typing import NDArray

from models.teaching import Teaching

__all__ = ["Spill", "SpillError", "Spilled", "let_go", "stretches"]

_PAGE = mmap.ALLOCATIONGRANULARITY
_LEAST, _MOST_SPARE = 1 << 18, 1 << 28
_SHARE = 8
_AT_ONCE = 8 << 20
_MOST = 1 << 42
_STATM = Path("/proc/self/statm")


class SpillError(Teaching):
    """What waits cannot be kept in files."""


class Spill:
    """A directory for arrays, and how much of them stays in memory.

    The files have no names: whatever ends the process, nothing is left of them.

    Args:
        directory: on a disk.
        memory: bytes of all arrays together that stay in memory between two calls of `settle`.
        most: bytes of a file, cut off or not, before what is in use moves to a new one.
    """

    def __init__(self, directory: str | Path, memory: int, most: int = _MOST) -> None:
        self.directory = Path(directory)
        self.most = most
        self._memory = memory
        self._arrays: WeakSet[Spilled] = WeakSet()
        self._mapped = 0

    @property
    def memory(self) -> int:
        """Bytes of the arrays that stay in memory."""
        return min(self._memory, self._length)

    @property
    def disk(self) -> int:
        """Bytes that the files take."""
        return sum(it.disk for it in self._arrays)

    @property
    def _length(self) -> int:
        return sum(it.length for it in self._arrays)

    def array(self, kind: np.dtype[Any]) -> Spilled:
        """An empty array of this type."""
        array = Spilled(self, kind)
        self._arrays.add(array)
        return array

    def scratch(self, n: int, kind: np.dtype[Any]) -> NDArray[Any]:
        """An array of `n` values on disk, to be filled in; it lasts as long as it is held."""
        if not n:
            return np.empty(0, kind)
        file = self.file()
        self.allocate(file, 0, n * kind.itemsize)
        return np.frombuffer(mmap.mmap(file.fileno(), n * kind.itemsize), kind, n)

    def settle(self) -> None:
        """Take out of memory what is beyond what may be there; to be called between slices."""
        mapped = _mapped()
        self._mapped = min(self._mapped, mapped)
        # An eighth is for what comes until it is worth looking at again.
        if mapped - self._mapped < self._memory // _SHARE:
            return
        length = self._length
        kept = self._memory - self._memory // _SHARE
        if length > kept:
            for array in self._arrays:
                array.let_go(kept / length)
        self._mapped = _mapped()

    def check(self) -> None:
        """See that the directory can be used.

        Raises:
            SpillError: it cannot.
        """
        try:
            free = shutil.disk_usage(self.directory).free
            array = self.array(np.dtype(np.uint8))
            array.reserve(2 * _LEAST)[:] = 1
            array.forget_before(_LEAST)
        except AttributeError as error:
            why = "this system's Python cannot give back the beginning of a file: Linux can"
            raise self.refusal(why) from error
        except OSError as error:
            why = f"{error.strerror}: it has to exist, be writable, and be able to give back the "
            why += "beginning of a file (ext4, xfs and btrfs can)"
            raise self.refusal(why) from error
        if free < self._memory:
            raise self.refusal(
                f"{free / 1e6:,.0f} MB are free, less than the {self._memory / 1e6:,.0f} MB that "
                "may be in memory: it would hold less than memory does"
            )

    def file(self) -> Any:
        """A new file without a name."""
        try:
            return tempfile.TemporaryFile(dir=self.directory, prefix="thalweg-")
        except OSError as error:
            raise self.refusal(f"no file can be made there: {error.strerror}") from error

    def allocate(self, file: Any, start: int, size: int) -> None:
        """Have the disk hold so many more bytes of a file.

        A page that the disk has no room for would end the process when it is written to.

        Raises:
            SpillError: it has no room.
        """
        try:
            os.posix_fallocate(file.fileno(), start, size)
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
            why = "the disk is full" if full else "the disk does not take it"
            raise self.refusal(
                f"{why}: {error.strerror}, at {size / 1e6:,.1f} MB beside {self.disk / 1e6:,.1f} MB"
            ) from error

    def refusal(self, why: str) -> SpillError:
        """The error that says so."""
        return SpillError(
            f"pending_directory = {str(self.directory)!r}, for what waits for its label",
            why,
            "--pending-directory with room on a disk of this machine; or have less wait: "
            "Labels(…, remember=…, matures_after=…)",
        )


class Spilled:
    """An array in a file: appended to at its end, forgotten from its beginning.

    Args:
        spill: where.
        kind: of its values.

    Attributes:
        length: bytes that are in use.
    """

    def __init__(self, spill: Spill, kind: np.dtype[Any]) -> None:
        self.length = 0
        self._spill = spill
        self._kind = kind
        self._file = spill.file()
        self._size = 0
        self._map: mmap.mmap | None = None
        self._array: NDArray[Any] = np.empty(0, kind)
        self._begin = 0
        self._cut = 0
        self._copies: WeakSet[mmap.mmap] = WeakSet()

    @property
    def disk(self) -> int:
        """Bytes that it takes of the disk."""
        return os.fstat(self._file.fileno()).st_blocks * 512

    def crowded(self, stop: int) -> bool:
        """Whether it is time to move to a new file before there are `stop` values in this one."""
        size = stop * self._kind.itemsize
        return size > self._spill.most and 2 * self._begin > size

    def reserve(self, stop: int) -> NDArray[Any]:
        """The array, with room for `stop` values, those forgotten among them.

        Raises:
            SpillError: the disk has no room.
        """
        size = stop * self._kind.itemsize
        self.length = size - self._begin
        if size > self._size:
            size += min(max(_LEAST, self.length // _SHARE), _MOST_SPARE)
            size += -size % _PAGE
            self._spill.allocate(self._file, self._size, size - self._size)
            self._map = mmap.mmap(self._file.fileno(), size)
            self._size = size
            count = size // self._kind.itemsize
            self._array = np.frombuffer(self._map, self._kind, count)
        return self._array

    def forget_before(self, place: int) -> None:
        """Give back the disk of the values before a place, unless a `view` of any is still held."""
        begin = place * self._kind.itemsize
        self.length -= begin - self._begin
        self._begin = begin
        cut = begin - begin % _PAGE
        if cut - self._cut >= _LEAST and self._map is not None and not len(self._copies):
            self._map.madvise(mmap.MADV_REMOVE, self._cut, cut - self._cut)
            self._cut = cut

    def view(self, start: int, stop: int) -> NDArray[Any]:
        """The values of these places, to be read for as long as they are held."""
        if start == stop:
            return np.empty(0, self._kind)
        begin, end = start * self._kind.itemsize, stop * self._kind.itemsize
        into = begin % _PAGE
        fileno = self._file.fileno()
        mapped = mmap.mmap(fileno, end - begin + into, prot=mmap.PROT_READ, offset=begin - into)
        self._copies.add(mapped)
        return np.frombuffer(mapped, self._kind, stop - start, into)

    def let_go(self, kept: float) -> None:
        """Take all but this share of it, the newest, out of memory."""
        cold = self._begin + int((1.0 - kept) * self.length)
        cold -= cold % _PAGE
        if self._map is not None and cold > self._cut:
            self._map.madvise(mmap.MADV_DONTNEED, self._cut, cold - self._cut)


def let_go(values: NDArray[Any] | memoryview) -> None:
    """Take the pages of contiguous values out of memory if they lie in a file; else do nothing."""
    holder: Any = values
    while isinstance(holder, np.ndarray | memoryview):
        holder = holder.base if isinstance(holder, np.ndarray) else holder.obj
    if isinstance(holder, mmap.mmap) and values.nbytes:
        begin = _address(np.asarray(values)) - _address(np.frombuffer(holder, np.uint8))
        into = begin % _PAGE
        holder.madvise(mmap.MADV_DONTNEED, begin - into, into + values.nbytes)


def stretches(n: int, width: int) -> Iterator[slice]:
    """Stretches of `n` values of so many bytes, which are few enough to be in memory at once."""
    step = max(1, _AT_ONCE // width)
    for start in range(0, n, step):
        yield slice(start, min(start + step, n))


def _address(array: NDArray[Any]) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def _mapped() -> int:
    """Bytes of this process's memory that are files'."""
    return int(_STATM.read_bytes().split()[2]) * _PAGE
