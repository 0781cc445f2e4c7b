"""What every kind of file that can be produced has in common."""

from __future__ import annotations

import gzip
import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from shlex import quote
from typing import BinaryIO, cast

from streams.chunks import Chunk
from streams.columns import Fields, SourceError
from streams.times import Moment, milliseconds

__all__ = ["Source", "Stream"]

_FORMAT = "%d.%m.%Y %H:%M"


class Source(ABC):
    """The records of one file, in its order; to be iterated once.

    What a record's fields do not allow is passed on all the same, for the worker to dead-letter it:
    a line that does not decode gets no key, a record without a time that of the one before it.

    Args:
        path: of the file; ``-`` for the standard input.
        fields: what to read of it.
        rows: most records in a chunk.

    Attributes:
        malformed: records so far that are not what `fields` asks for.
        misfit: what the first of them was, in words, where that is known.
    """

    def __init__(self, path: str, fields: Fields, rows: int) -> None:
        self.path = path
        self.fields = fields
        self.rows = rows
        self.malformed = 0
        self.misfit: str | None = None
        self._since: int | None = None

    @abstractmethod
    def __iter__(self) -> Iterator[Chunk]: ...

    @property
    @abstractmethod
    def share(self) -> float | None:
        """How much of the file has been read, 0..1; None where its size is unknown."""

    def timestamps(self, moments: Sequence[object], misfits: set[int]) -> list[int]:
        """The times of successive records; the places of those without one join `misfits`.

        Raises:
            SourceError: none of the first records has a time.
        """
        times = [self._milliseconds(moment) for moment in moments]
        if self._since is None:
            self._since = self._first(times, moments)
        filled = []
        for place, found in enumerate(times):
            if found is None:
                misfits.add(place)
            else:
                self._since = found
            filled.append(self._since)
        return filled

    def _first(self, times: Sequence[int | None], moments: Sequence[object]) -> int:
        found = next((found for found in times if found is not None), None)
        sample = next((moment for moment in moments if moment is not None), None)
        if found is None and sample is not None:
            form = self.fields.time_format
            raise SourceError(
                f"--time {self.fields.time}" + (f" --time-format {quote(form)}" if form else ""),
                f"no time can be read in that column of {self.path}: it holds {sample!r}",
                "--time with a column of RFC 3339, YYYY-mm-dd HH:MM:SS or seconds since 1970; or, "
                f"of a table, --time-format with its own format, such as {quote(_FORMAT)}",
            )
        return time.time_ns() // 1_000_000 if found is None else found

    def _milliseconds(self, moment: object) -> int | None:
        try:
            found = self.fields.moment(moment) if isinstance(moment, str) else moment
            return milliseconds(cast("Moment", found))
        except (TypeError, ValueError, OverflowError):
            return None


class Stream(Source):
    """A file that is read from its beginning to its end, compressed with gzip or not."""

    _raw: BinaryIO | None = None
    _size = 0

    @property
    def share(self) -> float | None:
        """How much of the file has been read, 0..1; None where its size is unknown."""
        if self._raw is None or not self._size:
            return None
        return 1.0 if self._raw.closed else self._raw.tell() / self._size

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """The file's own bytes; a read returns what is there, as soon as there is something."""
        with ExitStack() as stack:
            if self.path == "-":
                # No buffer: its lock, held in a read, would keep the interpreter from ending.
                self._raw = getattr(sys.stdin.buffer, "raw", sys.stdin.buffer)
            else:
                raw = stack.enter_context(Path(self.path).open("rb", buffering=0))
                self._raw, self._size = cast("BinaryIO", raw), os.fstat(raw.fileno()).st_size
            if self.path.endswith(".gz"):
                yield cast("BinaryIO", stack.enter_context(gzip.open(self._raw)))
            else:
                yield self._raw
