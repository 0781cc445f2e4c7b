"""A simulated stream as a directory of files."""

from __future__ import annotations

import csv
import importlib.util
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, TypeAlias, get_args

import msgspec

from streams.blocks import Role
from streams.payments import DAY_MS, SimulationError
from streams.simulator import Chargeback, Payment, Simulator

__all__ = ["Format", "Written", "write_files"]

Format: TypeAlias = Literal["jsonl", "csv", "parquet"]

_FILES: Mapping[Role, tuple[str, type[msgspec.Struct]]] = {
    "events": ("payments", Payment),
    "labels": ("chargebacks", Chargeback),
}


@dataclass(frozen=True, slots=True)
class Written:
    """How far the writing of files has come.

    Attributes:
        events: payments written.
        labels: chargebacks written.
        size: bytes of their JSON; a jsonl file's size without its line breaks.
        share: of the simulated days, 0..1; it is 1 while the last labels come in.
    """

    events: int = 0
    labels: int = 0
    size: int = 0
    share: float = 0.0


def write_files(
    simulator: Simulator,
    directory: Path | str,
    format: Format = "jsonl",  # noqa: A002  # it is what a user calls it
    progress: Callable[[Written], object] | None = None,
) -> Written:
    """Write ``payments.<format>`` and ``chargebacks.<format>``, each in order of arrival.

    A file gets its name when it is complete. A jsonl file holds the messages byte for byte, the
    other formats have a column for each field, empty where it is missing.

    Args:
        directory: made if need be; files of the same name in it are replaced.
        progress: called after each simulated day.

    Raises:
        SimulationError: the format is unknown, needs pyarrow where there is none, or cannot hold
            malformed messages.
    """
    _check(simulator, format)
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    written = Written()
    with TemporaryDirectory(prefix=".simulated-", dir=folder) as scratch:
        with ExitStack() as files:
            write = {
                role: files.enter_context(_WRITERS[format](Path(scratch, name), schema))
                for role, (name, schema) in _FILES.items()
            }
            for block in simulator.messages():
                parts = {role: block.of(role).values for role in write}
                for role, values in parts.items():
                    if values:
                        write[role](values)
                day = (block.arrivals[-1] - simulator.start_ms) // DAY_MS
                written = Written(
                    events=written.events + len(parts["events"]),
                    labels=written.labels + len(parts["labels"]),
                    size=written.size + sum(map(len, block.values)),
                    share=min(1.0, (day + 1) / simulator.days),
                )
                if progress is not None:
                    progress(written)
        for name, _ in _FILES.values():
            Path(scratch, name).replace(folder / f"{name}.{format}")
    return written


def _check(simulator: Simulator, given: str) -> None:
    if given not in get_args(Format):
        raise SimulationError(
            f"format={given!r}", "files are jsonl, csv or parquet", 'format="jsonl"'
        )
    if given == "parquet" and importlib.util.find_spec("pyarrow") is None:
        raise SimulationError(
            "format='parquet' without pyarrow",
            "it is not installed with thalweg",
            "pip install 'thalweg[parquet]'",
        )
    if given != "jsonl" and simulator.disturbances.malformed:
        raise SimulationError(
            f"format={given!r} with malformed={simulator.disturbances.malformed}",
            "what is malformed has no columns",
            'format="jsonl"',
        )


_Writer: TypeAlias = AbstractContextManager[Callable[[list[bytes]], object]]


@contextmanager
def _jsonl(path: Path, _: type[msgspec.Struct]) -> Iterator[Callable[[list[bytes]], object]]:
    with path.open("wb") as file:
        yield lambda values: file.write(b"\n".join(values) + b"\n")


@contextmanager
def _csv(path: Path, schema: type[msgspec.Struct]) -> Iterator[Callable[[list[bytes]], object]]:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, schema.__struct_fields__, lineterminator="\n")
        table.writeheader()
        yield lambda values: table.writerows(_decode(values))


@contextmanager
def _parquet(path: Path, schema: type[msgspec.Struct]) -> Iterator[Callable[[list[bytes]], object]]:
    # Not at the top: pyarrow is an extra of the package.
    import pyarrow as pa
    from pyarrow import parquet

    kinds = {str: pa.string(), float: pa.float64(), int: pa.int8()}
    columns = pa.schema(
        [
            (info.name, pa.timestamp("ms", "UTC") if info.name == "at" else kinds[info.type])
            for info in msgspec.structs.fields(schema)
        ]
    )

    def write(values: list[bytes]) -> None:
        rows = _decode(values)
        arrays = [pa.array([row.get(one.name) for row in rows]).cast(one.type) for one in columns]
        file.write_table(pa.Table.from_arrays(arrays, schema=columns))

    with parquet.ParquetWriter(path, columns) as file:
        yield write


_WRITERS: Mapping[str, Callable[[Path, type[msgspec.Struct]], _Writer]] = {
    "jsonl": _jsonl,
    "csv": _csv,
    "parquet": _parquet,
}


def _decode(values: list[bytes]) -> list[dict[str, Any]]:
    return msgspec.json.Decoder(dict[str, Any]).decode_lines(b"\n".join(values))
