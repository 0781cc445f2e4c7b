"""The data sets of `benchmarks.mixing_pipelines` as records, and how answers are measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from pyarrow import parquet

from benchmarks import handbook
from benchmarks.contenders import DATASETS
from benchmarks.fraud_records import labels
from benchmarks.mixing_pipelines import CASES
from streams.chunks import Chunk
from streams.simulator import Simulator

__all__ = ["Traffic", "binned", "handbook_numbers", "log_loss", "traffic"]

_BINS = 8
_BINNED_BEFORE = np.datetime64("2018-06-27")
_CHOSEN_ON = 5  # weeks before the test week
_DAYS, _BEGUN_DAYS = 150, 30  # of the simulation; none of the first is measured
_CUSTOMERS = 2_500

Measure = Callable[[NDArray[np.float64]], Mapping[str, float]]


@dataclass(frozen=True)
class Traffic:
    """Records of a data set's n events.

    Attributes:
        events: the records, in order.
        ids: of the events.
        labels: the records of the labels topic; None where labels are in the events.
        measure: figures of float64[n], a score for each event.
        choose: likewise, on those that choices are made on.
    """

    events: Chunk
    ids: Sequence[str]
    labels: Chunk | None
    measure: Measure
    choose: Measure

    @property
    def size(self) -> int:
        """Bytes of all keys and values."""
        return sum(map(_size, filter(None, (self.events, self.labels))))

    def first(self, count: int) -> Traffic:
        """The first events, to see whether everything works: their figures tell nothing."""
        events, labels, anything = self.events.cut(0, count), self.labels, np.arange(count) % 2 == 0
        if labels is not None:
            known = np.searchsorted(labels.timestamps or (), (events.timestamps or (0,))[-1])
            labels = labels.cut(0, int(known))
        return replace(
            self,
            events=events,
            ids=self.ids[:count],
            labels=labels,
            measure=_over(anything, slice(None)),
        )


def _size(chunk: Chunk) -> int:
    return sum(len(one or b"") for column in (chunk.values, chunk.keys or ()) for one in column)


def traffic(name: str, folder: Path) -> Traffic:
    """Of a data set in a folder of Parquet files."""
    if name == "handbook":
        return _handbook(folder)
    return _simulated() if name == "simulator" else _rows(name, folder)


def handbook_numbers(folder: Path) -> tuple[handbook.Payments, NDArray[np.float64]]:
    """The book's payments that have features, by time, and what is known of each: float64[n, 17].

    The amount, the book's own 14 features, and the amount beside the usual one of the card's last
    7 and last 30 days.
    """
    known = handbook.read(folder / "handbook_raw.parquet")
    file = folder / "handbook_features.parquet"
    _, places, numbers = handbook.read_features(file, known)
    amount, mean7, mean30 = numbers[:, 0], numbers[:, 6], numbers[:, 8]
    times = [
        np.divide(amount, usual, where=usual > 0, out=np.zeros(len(amount)))
        for usual in (mean7, mean30)
    ]
    return known.at_places(places), np.column_stack([numbers, *times])


def _handbook(folder: Path) -> Traffic:
    known, numbers = handbook_numbers(folder)
    bins = binned(numbers, known.fraud, np.flatnonzero(known.at < _BINNED_BEFORE))
    at = np.datetime_as_string(known.at, timezone="UTC").tolist()
    ids = list(map(str, known.id.tolist()))
    columns = {"id": ids, **_named("handbook", bins), "at": at}
    keys = [str(card).encode() for card in known.customer.tolist()]
    stamps = (known.at.astype(np.int64) * 1_000).tolist()

    def figures(score: NDArray[np.float64], weeks: Sequence[np.datetime64]) -> dict[str, float]:
        found = [handbook.figures(known, score, week)._asdict() for week in weeks]
        told = {one: float(np.mean([each[one] for each in found])) for one in found[0]}
        measured = np.concatenate([handbook.measured(known, week) for week in weeks])
        return told | {"log_loss": log_loss(known.fraud[measured], score[measured])}

    return Traffic(
        Chunk(_encoded(columns), keys, stamps),
        ids,
        labels(known),
        lambda score: figures(score, [handbook.TEST_WEEK]),
        lambda score: figures(score, handbook.EARLIER[-_CHOSEN_ON:]),
    )


def _simulated() -> Traffic:
    """Payments of five months, measured from the second on."""
    simulator = Simulator(customers=_CUSTOMERS, terminals=2 * _CUSTOMERS, days=_DAYS)
    parts: dict[str, tuple[list[Any], list[Any], list[Any]]] = {
        role: ([], [], []) for role in ("events", "labels")
    }
    for block in simulator.messages():
        for role, *one in zip(block.roles, block.values, block.keys, block.timestamps, strict=True):
            for column, value in zip(parts[role], one, strict=True):
                column.append(value)
    events, told = (Chunk(*columns) for columns in parts.values())
    fraud = np.concatenate([simulator.payments(day).fraud for day in range(_DAYS)])
    begun = sum(len(simulator.payments(day)) for day in range(_BEGUN_DAYS))
    decode = msgspec.json.Decoder(_Paid).decode
    ids = [decode(value).tx_id for value in events.values]
    chosen = _over(fraud, slice(0, begun))
    return Traffic(events, ids, told, _over(fraud, slice(begun, None)), chosen)


class _Paid(msgspec.Struct):
    tx_id: str


def _rows(name: str, folder: Path) -> Traffic:
    """A file whose rows have their label: measured over all of them."""
    found = next(one for one in DATASETS if one.name == name)
    case = CASES[name]
    table = parquet.read_table(folder / f"{found.file}.parquet").slice(found.skip)
    truth = np.array([value == found.positive for value in table[found.label].to_pylist()])
    numbers = np.column_stack([table[one].to_numpy().astype(np.float64) for one in case.numbers])
    first = round(found.tuned * len(truth))
    bins = binned(numbers, truth, np.arange(first))
    ids = list(map(str, range(len(truth))))
    columns = {"id": ids, **_named(name, bins)}
    columns |= {one: table[one].to_pylist() for one in case.categories}
    columns["label"] = truth.tolist()
    keys = None
    if "card_id" in case.categories:
        keys = [str(card).encode() for card in columns["card_id"]]
    events = Chunk(_encoded(columns), keys)
    return Traffic(events, ids, None, _over(truth, slice(None)), _over(truth, slice(0, first)))


def binned(
    numbers: NDArray[np.float64], truth: NDArray[np.bool_], first: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The bin of each number, int64[n, d]: of quantiles that `first` has, each class half of them.

    Args:
        numbers: float64[n, d].
        truth: bool[n].
        first: places of the rows that quantiles are taken of.
    """
    positive = truth[first]
    weight = np.where(positive, 1 / max(1, positive.sum()), 1 / max(1, (~positive).sum()))
    shares = np.arange(1, _BINS) / _BINS * weight.sum()
    bins = np.empty(numbers.shape, np.int64)
    for column, values in enumerate(numbers.T):
        order = first[np.argsort(values[first], kind="stable")]
        place = np.searchsorted(np.cumsum(weight[np.argsort(values[first], kind="stable")]), shares)
        edges = np.unique(values[order[np.minimum(place, len(order) - 1)]])
        bins[:, column] = np.searchsorted(edges, values)
    return bins


def _named(name: str, bins: NDArray[np.int64]) -> dict[str, list[int]]:
    return dict(zip(CASES[name].numbers, bins.T.tolist(), strict=True))


def _encoded(columns: Mapping[str, Sequence[Any]]) -> list[bytes]:
    encode = msgspec.json.Encoder().encode
    rows = zip(*columns.values(), strict=True)
    return [encode(dict(zip(columns, row, strict=True))) for row in rows]


def _over(truth: NDArray[np.bool_], part: slice) -> Measure:
    """AUC, average precision and log loss of those events."""

    def figures(score: NDArray[np.float64]) -> dict[str, float]:
        told = truth[part], score[part]
        return {
            "auc": handbook.roc_auc(*told),
            "ap": handbook.average_precision(*told),
            "log_loss": log_loss(*told),
        }

    return figures


def log_loss(truth: NDArray[np.bool_], score: NDArray[np.float64]) -> float:
    """The mean negative logarithm of the probability that was given to what was true."""
    right = np.clip(np.where(truth, score, 1.0 - score), 1e-15, 1.0)
    return float(-np.log(right).mean())
