"""Public data as rows of binned and crossed features, for simulations of many learners.

Each number is cut into bins, of either class with half of the weight, and each pair of features has
a bucket for each pair of their bins or categories.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as parquet
from numpy.typing import NDArray

from benchmarks import handbook
from models.rows import Rows

__all__ = ["SETS", "WEEKS", "Crossed"]

WEEKS = handbook.EARLIER[-5:]
"""Of the handbook: the five before the test week."""

_BINS = 8
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
    features = parquet.read_table(folder / "handbook_features.parquet")
    raw = parquet.read_table(folder / "handbook_raw.parquet")
    order = np.argsort(raw["TRANSACTION_ID"].to_numpy(), kind="stable")
    ids = raw["TRANSACTION_ID"].to_numpy()[order]
    of = order[np.searchsorted(ids, features["TRANSACTION_ID"].to_numpy())]
    at = raw["TX_DATETIME"].to_numpy().astype("datetime64[s]")
    by_time = np.lexsort((of, at[of]))
    by_time = by_time[at[of][by_time] < handbook.TEST_WEEK]
    of = of[by_time]
    columns = {
        name: features[name].to_numpy()[by_time].astype(np.float64)
        for name in features.column_names
        if name != "TRANSACTION_ID"
    }
    amount = raw["TX_AMOUNT"].to_numpy()[of].astype(np.float64)
    columns["amount"] = amount
    for days in (7, 30):
        mean = columns[f"CUSTOMER_ID_AVG_AMOUNT_{days}DAY_WINDOW"]
        columns[f"ratio_{days}"] = amount / np.maximum(mean, 1e-9)
    at, customer = at[of], raw["CUSTOMER_ID"].to_numpy()[of].astype(np.int64)
    fraud = raw["TX_FRAUD"].to_numpy()[of].astype(np.bool_)
    payments = handbook.Payments(ids, at, customer, amount, fraud)
    known = np.searchsorted(at, at + np.timedelta64(7 * _DAY, "s"))
    places = [handbook.measured(payments, week) for week in WEEKS]
    early = int(np.searchsorted(at, at[0] + np.timedelta64(16 * _DAY, "s")))
    size = _json_size(raw, ["TRANSACTION_ID", "TX_DATETIME", "CUSTOMER_ID", "TERMINAL_ID",
                            "TX_AMOUNT"], ["TRANSACTION_ID", "TX_FRAUD"])  # fmt: skip
    return _crossed(columns, fraud.astype(np.float64), early, customer, known, places, size)


def _at_once(file: str, label: str, positive: Any, key: str | None, drop: tuple[str, ...] = ()):  # type: ignore[no-untyped-def]
    def read(folder: Path) -> Crossed:
        table = parquet.read_table(folder / f"{file}.parquet")
        n = table.num_rows
        target = (table[label].to_numpy(zero_copy_only=False).astype(str) == positive).astype(float)
        columns = {
            name: table[name].to_numpy(zero_copy_only=False)
            for name in table.column_names
            if name not in (label, key, *drop)
        }
        keys = np.arange(n) if key is None else table[key].to_numpy()
        early = int(n * _EARLY)
        places = [np.arange(early, n)]
        named = [name for name in table.column_names if name not in drop]
        size = _json_size(table, named, [])
        known = np.arange(1, n + 1)
        return _crossed(columns, target, early, keys.astype(np.int64), known, places, size)

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
    columns: Mapping[str, NDArray[Any]],
    label: NDArray[np.float64],
    early: int,
    key: NDArray[np.int64],
    known: NDArray[np.int64],
    places: list[NDArray[np.int64]],
    size: float,
) -> Crossed:
    share = np.where(label[:early] > 0, 0.5 / label[:early].sum(), 0.5 / (1 - label[:early]).sum())
    bins, counts = [], []
    for column in columns.values():
        if column.dtype.kind in "fiu":
            values = column.astype(np.float64)
            order = np.argsort(values[:early], kind="stable")
            below = np.cumsum(share[order])
            at = np.minimum(np.searchsorted(below, np.arange(1, _BINS) / _BINS), early - 1)
            found = np.searchsorted(np.unique(values[:early][order[at]]), values)
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
    lengths = np.full(len(label), entries.shape[1])
    rows.append(lengths, entries.ravel(), np.ones(entries.size))
    return Crossed(rows, begin, label, key, known, places, size)


def _json_size(table: Any, names: list[str], of_label: list[str]) -> float:
    """Bytes of an event as a JSON object, and of its label's, where it has one of its own."""
    first = table.select(names).slice(0, 1_000).to_pylist()
    labels = table.select(of_label).slice(0, 1_000).to_pylist() if of_label else []
    return sum(len(str(row)) for row in [*first, *labels]) / len(first)
