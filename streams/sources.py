"""Files to be produced: JSON lines, CSV and Parquet as chunks of records."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from streams.columns import Fields, SourceError
from streams.errors import nearest
from streams.jsonlines import JsonLines
from streams.reading import Source
from streams.tables import CsvFile, ParquetFile

__all__ = ["Format", "open_source"]

Format: TypeAlias = Literal["jsonl", "csv", "parquet"]

_SUFFIXES: Mapping[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_KINDS: Mapping[str, Callable[[str, Fields, int], Source]] = {
    "jsonl": JsonLines,
    "csv": CsvFile,
    "parquet": ParquetFile,
}


def open_source(
    path: str,
    fields: Fields | None = None,
    format: Format | None = None,  # noqa: A002  # it is what a user calls it
    rows: int = 4096,
) -> Source:
    """A file as chunks of records.

    Args:
        path: of the file, ``-`` for the standard input. JSON lines and CSV may end in ``.gz``.
        fields: what to read of it; all of it by default, without key and time.
        format: by default what the file's suffix says, and JSON lines for the standard input.
        rows: most records in a chunk.

    Raises:
        SourceError: there is no such file, or it is of no format we know.
    """
    if path != "-" and (not Path(path).exists() or Path(path).is_dir()):
        siblings = [str(other) for other in Path(path).parent.glob("*") if other.is_file()]
        raise SourceError(
            path,
            "that is a directory" if Path(path).is_dir() else "there is no such file",
            nearest(path, siblings) or "a file's path, or - for the standard input",
        )
    suffix = Path(path.removesuffix(".gz")).suffix.lower()
    kind = format or ("jsonl" if path == "-" else _SUFFIXES.get(suffix))
    if kind is None or kind not in _KINDS:
        known = get_args(Format)
        raise SourceError(
            f"--format {format}" if format else path,
            f"formats are {', '.join(known)}; a file's name tells it by {', '.join(_SUFFIXES)}",
            f"--format {nearest(format or suffix, known) or 'jsonl'}",
        )
    return _KINDS[kind](path, fields or Fields(), rows)
