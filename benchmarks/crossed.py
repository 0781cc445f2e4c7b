"""Public data as rows of binned and crossed features, for simulations of many learners.

Each number is cut into bins, of either class with half of the weight, and each pair of features has
a bucket for each pair of their bins or categories.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as parquet
from numpy.typing import NDArray

from benchmarks import handbook
from benchmarks.mixing_data import binned, handbook_numbers
from models.rows import Rows

__all__ = ["SETS", "WEEKS", "Crossed"]

WEEKS = handbook.EARLIER[-5:]
"""Of the handbook: the five before the test week."""

_EARLY = 0.5  # of a data set, of which the bins are made: the rest is measured
_DAY = 24 * 3600


@dataclass(frozen=True)
class Crossed:
    """n events by time.

    Attributes:
        rows: of all of them.
        buckets: how many there are.
        label: float64[n], 0 or 1.
        key: int64[n], what a topic would be partitioned by.
        known: int64[n], before how many events' scores each label has come.
        places: of the events that are measured, each list for itself.
        size: bytes of an event and its label, on average.
    """

    rows: Rows
    buckets: int
    label: NDArray[np.float64]
    key: NDArray[np.int64]
    known: NDArray[np.int64]
    places: list[NDArray[np.int64]]
    size: float


def _handbook(folder: Path) -> Crossed:
    """Until the test week, so that nothing is chosen on it; labels come after seven days."""
    payments, numbers = handbook_numbers(folder)
    payments = payments.before(handbook.TEST_WEEK)
    # The amount stands behind the book's own features, before what it is beside usual ones.
    columns = numbers[: len(payments), np.r_[1:15, 0, 15:17]].T
    at = payments.at
    known = np.searchsorted(at, at + np.timedelta64(7 * _DAY, "s"))
    places = [handbook.measured(payments, week) for week in WEEKS]
    early = int(np.searchsorted(at, at[0] + np.timedelta64(16 * _DAY, "s")))
    raw = parquet.read_table(folder / "handbook_raw.parquet")
    size = _json_size(raw, ["TRANSACTION_ID", "TX_DATETIME", "CUSTOMER_ID", "TERMINAL_ID",
                            "TX_AMOUNT"], ["TRANSACTION_ID", "TX_FRAUD"])  # fmt: skip
    return _crossed(columns, payments.fraud, early, payments.customer, known, places, size)


def _at_once(
    file: str, label: str, positive: str, key: str | None, drop: tuple[str, ...] = ()
) -> Callable[[Path], Crossed]:
    """Of a file whose rows have their label: it comes right after the row's score."""

    def read(folder: Path) -> Crossed:
        table = parquet.read_table(folder / f"{file}.parquet")
        n = table.num_rows
        truth = table[label].to_numpy(zero_copy_only=False).astype(str) == positive
        columns = [
            table[name].to_numpy(zero_copy_only=False)
            for name in table.column_names
            if name not in (label, key, *drop)
        ]
        keys = np.arange(n) if key is None else table[key].to_numpy()
        early = int(n * _EARLY)
        places = [np.arange(early, n)]
        named = [name for name in table.column_names if name not in drop]
        size = _json_size(table, named, [])
        known = np.arange(1, n + 1)
        return _crossed(columns, truth, early, keys.astype(np.int64), known, places, size)

    return read


SETS: Mapping[str, Callable[[Path], Crossed]] = {
    "handbook": _handbook,
    "evalml": _at_once(
        "evalml_fraud", "fraud", "1", "card_id", ("id", "datetime", "expiration_date", "region")
    ),
    "elec2": _at_once("elec2", "class", "1", None),
    "bank": _at_once("bank_marketing", "y", "yes", None, ("duration",)),
}


def _crossed(
    columns: Iterable[NDArray[Any]],
    truth: NDArray[np.bool_],
    early: int,
    key: NDArray[np.int64],
    known: NDArray[np.int64],
    places: list[NDArray[np.int64]],
    size: float,
) -> Crossed:
    bins, counts = [], []
    for column in columns:
        if column.dtype.kind in "fiu":
            numbers = column.astype(np.float64)[:, np.newaxis]
            found = binned(numbers, truth, np.arange(early))[:, 0]
        else:
            found = np.unique(column.astype(str), return_inverse=True)[1]
        bins.append(found.astype(np.int32))
        counts.append(int(found.max()) + 1)
    index, begin = [], 0
    for one, count in zip(bins, counts, strict=True):
        index.append(begin + one)
        begin += count
    for (one, _), (other, width) in combinations(zip(bins, counts, strict=True), 2):
        index.append(begin + one * width + other)
        begin += (int(one.max()) + 1) * width
    entries = np.column_stack(index).astype(np.int32)
    rows = Rows()
    lengths = np.full(len(truth), entries.shape[1])
    rows.append(lengths, entries.ravel(), np.ones(entries.size))
    return Crossed(rows, begin, truth.astype(np.float64), key, known, places, size)


def _json_size(table: Any, names: list[str], of_label: list[str]) -> float:
    """Bytes of an event as a JSON object, and of its label's, where it has one of its own."""
    first = table.select(names).slice(0, 1_000).to_pylist()
    labels = table.select(of_label).slice(0, 1_000).to_pylist() if of_label else []
    return sum(len(str(row)) for row in [*first, *labels]) / len(first)
