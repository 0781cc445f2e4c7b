"""CSV and Parquet: tables whose rows become JSON records."""

from __future__ import annotations

import csv
import importlib
import io
from collections.abc import Iterator, Sequence
from itertools import chain, compress, islice
from math import isfinite
from typing import Any, cast

from streams.chunks import Chunk
from streams.columns import Fields, SourceError, Table
from streams.reading import Source, Stream

__all__ = ["CsvFile", "ParquetFile"]


class CsvFile(Stream):
    """Values with a header line, separated by commas; by semicolons or tabs where the header has no
    comma, and by tabs where the name says ``.tsv``.

    A row of another length than the header is sent as text. Reads whole chunks, of a pipe as well.
    """

    def __iter__(self) -> Iterator[Chunk]:
        tabs = self.path.removesuffix(".gz").endswith(".tsv")
        with (
            self.opened() as file,
            io.TextIOWrapper(
                io.BufferedReader(cast("io.RawIOBase", file)), encoding="utf-8-sig", newline=""
            ) as text,
        ):
            rows = csv.reader(())
            try:
                first = text.readline()
                rows = csv.reader(
                    chain([first], text), delimiter="\t" if tabs else _parted_by(first)
                )
                header = self._checked(next(rows, []))
                table = Table(header, self.fields, self.path, sniff=True)
                while piece := list(islice(rows, self.rows)):
                    yield self._chunk([row for row in piece if row], header, table)
            except UnicodeDecodeError as error:
                raise SourceError(
                    f"{self.path}, after line {rows.line_num}",
                    f"it is not UTF-8: {error.reason}",
                    f"iconv -f latin1 -t utf-8 {self.path} > utf8.csv",
                ) from error
            except csv.Error as error:
                raise SourceError(
                    f"{self.path}, line {rows.line_num}",
                    f"it is no CSV: {error}",
                    'a quote in a quoted value written twice: "5"" disk"',
                ) from error

    def _checked(self, header: list[str]) -> list[str]:
        twice = [name for name in header if header.count(name) > 1]
        if not header or twice:
            raise SourceError(
                f"{self.path} as CSV",
                f"two columns are called {twice[0]!r}" if twice else "it is empty",
                "a first line with the names of the columns, each of them once",
            )
        return header

    def _chunk(self, rows: list[list[str]], header: list[str], table: Table) -> Chunk:
        fits = [len(row) == len(header) for row in rows]
        fitting = rows if all(fits) else list(compress(rows, fits))
        columns: Sequence[Sequence[str]] = list(zip(*fitting, strict=True))
        values, keys, misfits = table.records(columns or [()] * len(header))
        moments: list[str | None] = []
        if self.fields.time is not None:
            moment = header.index(self.fields.original(self.fields.time))
            moments = [row[moment] if fit else None for fit, row in zip(fits, rows, strict=True)]
        if len(fitting) < len(rows):
            places = [place for place, fit in enumerate(fits) if fit]
            misfits = {places[place] for place in misfits}.union(
                place for place, fit in enumerate(fits) if not fit
            )
            found, own = iter(values), iter(keys or ())
            values = [
                next(found) if fit else ",".join(row).encode()
                for fit, row in zip(fits, rows, strict=True)
            ]
            keys = keys and [next(own) if fit else None for fit in fits]
        timestamps = self.timestamps(moments, misfits) if self.fields.time is not None else None
        self.malformed += len(misfits)
        self.misfit = self.misfit or table.misfit
        if len(fitting) < len(rows):
            torn = next(len(row) for row, fit in zip(rows, fits, strict=True) if not fit)
            self.misfit = self.misfit or f"a row of {torn} cells under {len(header)} names"
        return Chunk(values, keys, timestamps)


def _parted_by(header: str) -> str:
    """What separates the names: what there is no comma but."""
    return next((sign for sign in ",;\t" if sign in header), ",")


class ParquetFile(Source):
    """A Parquet file; needs pyarrow. Times without a zone are UTC, NaN and infinity are missing."""

    def __init__(self, path: str, fields: Fields, rows: int) -> None:
        super().__init__(path, fields, rows)
        if path == "-":
            raise SourceError(
                "Parquet from the standard input",
                "its table of contents is at the end of the file",
                "thalweg produce events.parquet",
            )
        try:
            self._arrow = importlib.import_module("pyarrow")
            parquet = importlib.import_module("pyarrow.parquet")
        except ImportError as error:
            raise SourceError(
                f"{path} without pyarrow",
                "pyarrow reads Parquet, and it is not installed",
                "pip install 'thalweg[parquet]'",
            ) from error
        try:
            self._file = parquet.ParquetFile(path)
        except self._arrow.ArrowInvalid as error:
            raise SourceError(
                f"{path} as Parquet", str(error), "--format jsonl, or --format csv"
            ) from error
        self._read = 0

    @property
    def share(self) -> float | None:
        """How much of the file has been read, 0..1."""
        total = self._file.metadata.num_rows
        return self._read / total if total else 1.0

    def __iter__(self) -> Iterator[Chunk]:
        names = list(self._file.schema_arrow.names)
        table = Table(names, self.fields, self.path, sniff=False)
        with self._file:
            for batch in self._file.iter_batches(batch_size=self.rows):
                columns = [self._values(column) for column in batch.columns]
                values, keys, misfits = table.records(columns)
                timestamps = None
                if self.fields.time is not None:
                    moment = names.index(self.fields.original(self.fields.time))
                    timestamps = self.timestamps(columns[moment], misfits)
                self.malformed += len(misfits)
                self.misfit = self.misfit or table.misfit
                self._read += len(values)
                yield Chunk(values, keys, timestamps)

    def _values(self, column: Any) -> Sequence[Any]:
        """A column as Python values, None where there is none."""
        types = self._arrow.types
        if types.is_timestamp(column.type):
            # As microseconds without a zone NumPy makes datetimes of them, 30 times as fast.
            column = column.cast(self._arrow.timestamp("us"), safe=False)
            return cast("list[Any]", column.to_numpy(zero_copy_only=False).tolist())
        values: list[Any] = column.to_pylist()
        if types.is_floating(column.type):
            return [value if value is not None and isfinite(value) else None for value in values]
        return values
