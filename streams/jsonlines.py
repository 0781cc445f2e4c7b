"""JSON lines: one object a line, passed on byte for byte."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec import Raw

from models.bytecolumn import ByteColumn
from streams.chunks import Chunk
from streams.columns import Fields, SourceError, key_bytes
from streams.reading import Stream

__all__ = ["JsonLines"]

_READ_BYTES, _LINE_BYTES = 1 << 19, 1 << 24


class JsonLines(Stream):
    """One JSON object a line.

    The lines are not looked into unless a key or a time is asked for: then only those fields are
    decoded. With `rename` or `select` an object is rebuilt; its values keep their bytes.
    """

    def __init__(self, path: str, fields: Fields, rows: int) -> None:
        super().__init__(path, fields, rows)
        if fields.time_format is not None:
            raise SourceError(
                f"--time-format {fields.time_format} for JSON lines",
                "they are sent as they are, to the byte, and a worker reads RFC 3339",
                "the same without --time-format, and the times in the file as 2026-01-31T10:00:00Z",
            )
        if fields.decimal != ".":
            raise SourceError(
                f"--decimal {fields.decimal} for JSON lines",
                "they are sent as they are, to the byte, and JSON has a point before decimals",
                "the same without --decimal, and the numbers in the file as 12.5",
            )
        asked = dict.fromkeys(name for name in (fields.key, fields.time) if name is not None)
        self._place = {name: place for place, name in enumerate(asked)}
        self._asked = _Decoder(
            msgspec.defstruct(
                "Asked",
                [
                    (f"f{place}", _Scalar, msgspec.field(default=None, name=fields.original(name)))
                    for name, place in self._place.items()
                ],
                gc=False,
            )
        )
        self._objects = _Decoder(dict[str, Raw])

    def __iter__(self) -> Iterator[Chunk]:
        checked = self.fields == Fields()
        for lines in self._lines():
            for first in range(0, len(lines), self.rows):
                piece = lines[first : first + self.rows]
                checked = checked or self._check(piece)
                yield self._chunk(piece)

    def _check(self, lines: ByteColumn) -> bool:
        """Whether the lines tell the names of columns, and so whether those asked for exist."""
        names = {name: None for row in self._objects.decode(lines) if row for name in row}
        if names:
            self.fields.check(names, self.path)
        return bool(names)

    def _chunk(self, lines: ByteColumn) -> Chunk:
        misfits: set[int] = set()
        columns = self._columns(lines, misfits)
        key, time = self.fields.key, self.fields.time
        chunk = Chunk(
            self._reshaped(lines, misfits) if self.fields.reshape else lines,
            None if key is None else key_bytes(columns[key]),
            None if time is None else self.timestamps(columns[time], misfits),
        )
        self.malformed += len(misfits)
        return chunk

    def _columns(self, lines: ByteColumn, misfits: set[int]) -> dict[str, list[Any]]:
        """The columns asked for, by name; None where a line has no such field or is no JSON."""
        if not self._place:
            return {}
        rows = self._asked.decode(lines)
        misfits.update(place for place, row in enumerate(rows) if row is None)
        return {
            name: [None if row is None else getattr(row, f"f{place}") for row in rows]
            for name, place in self._place.items()
        }

    def _reshaped(self, lines: ByteColumn, misfits: set[int]) -> list[bytes | None]:
        rename, select = self.fields.rename, self.fields.select
        values: list[bytes | None] = []
        for place, row in enumerate(self._objects.decode(lines)):
            if row is None:
                misfits.add(place)
                values.append(lines[place])
                continue
            renamed = {rename.get(name, name): value for name, value in row.items()}
            if select is not None:
                renamed = {name: renamed[name] for name in select if name in renamed}
            values.append(msgspec.json.encode(renamed))
        return values

    def _lines(self) -> Iterator[ByteColumn]:
        """The lines that each read brings, without their ends; blank ones are left out."""
        with self.opened() as file:
            piece = file.read(_READ_BYTES).removeprefix(b"\xef\xbb\xbf")
            self._refuse_array(piece)
            rest = b""
            while piece:
                piece = rest + piece
                stop = piece.rfind(b"\n") + 1
                whole, rest = piece[:stop], piece[stop:]
                if len(rest) > _LINE_BYTES:
                    raise SourceError(
                        f"{self.path} as JSON lines",
                        f"a line of it is longer than {_LINE_BYTES >> 20} MiB",
                        "one JSON object a line, each with a line break behind it",
                    )
                yield _clean(ByteColumn.lines(whole, whole.count(b"\n")))
                piece = file.read(_READ_BYTES)
            yield _clean(ByteColumn.of([rest]))

    def _refuse_array(self, piece: bytes) -> None:
        if piece.lstrip()[:1] == b"[":
            name = "events.json" if self.path == "-" else self.path
            raise SourceError(
                f"{self.path} as JSON lines",
                "it begins with '[': it is one JSON array, not one object a line",
                f"jq -c '.[]' {name} > {Path(name).stem}.jsonl",
            )


_Scalar = str | int | float | bool | None


class _Decoder:
    """Decodes lines of JSON, all of them in one call where all are good."""

    def __init__(self, kind: Any) -> None:
        self._decoder = msgspec.json.Decoder(kind)

    def decode(self, lines: ByteColumn) -> list[Any]:
        """What each line holds; None for a line that does not decode."""
        joined = lines.joined() or b""
        # An object torn over two lines beside two objects on one would decode in the wrong places.
        # Where each break is between "}" and "{" it is at top level, so a line holds whole objects.
        if joined.count(b"}\n{") == len(lines) - 1:
            try:
                rows = self._decoder.decode_lines(joined)
            except (msgspec.DecodeError, UnicodeDecodeError):
                rows = []
            if len(rows) == len(lines):
                return rows
        return [self._decode(line or b"") for line in lines]

    def _decode(self, line: bytes) -> Any:
        try:
            return self._decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None


def _clean(lines: ByteColumn) -> ByteColumn:
    if len(lines) and (lines[0] or b"").endswith(b"\r"):
        last = np.frombuffer(lines.data, np.uint8)[lines.starts + lines.lengths - 1]
        returned = (lines.lengths > 0) & (last == ord("\r"))
        lines = ByteColumn(lines.data, lines.starts, lines.lengths - returned)
    filled = lines.lengths > 0
    return lines if filled.all() else lines.take(np.flatnonzero(filled).tolist())
