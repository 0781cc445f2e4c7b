"""Figures apart for each value of a field: which country, which channel the model fails in.

A field's first twenty values are told apart; all others are pooled. So memory is bounded, and so is
what can be shown of a field that turns out to be an id: a value is shown by name once it has a
hundred labels, and none is where most labels are of values that have no name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from models.column import Column, missing
from models.compiled import compiled
from models.digests import digests
from models.hashing import texts
from models.protocol import Kind, State
from models.tallies import ClassTally, Table, Tally, tally
from models.textcolumn import TextColumn
from models.verdicts import Verdicts

__all__ = ["MAX_VALUES", "Names", "Segments"]

MAX_VALUES = 20
"""Values of a field that are told apart."""

_OTHER, _MISSING = MAX_VALUES, MAX_VALUES + 1
_UNNAMED = {_OTHER: "other", _MISSING: "missing"}
_LABELS = 100
_MAIN = (
    "labels", "positives", "base_rate", "auc", "average_precision", "log_loss", "prior_log_loss",
    "calibration", "precision_at_budget", "precision_at_budget_ceiling", "recall_at_budget",
    "precision", "recall", "accuracy", "balanced_accuracy", "majority_accuracy", "mae", "rmse",
    "mean_rmse", "r2",
)  # fmt: skip


class Names:
    """Numbers the values of one field in order of appearance."""

    __slots__ = ("_digests", "values")

    def __init__(self, values: Iterable[str] = ()) -> None:
        self.values = list(values)
        self._digests = digests(TextColumn.of(self.values))[:, 0]

    def codes(self, column: Column) -> NDArray[np.uint8]:
        """uint8[n]: the number of each value; a new one gets the next while there are any left."""
        codes = np.full(len(column), _MISSING, np.uint8)
        known = np.flatnonzero(~missing(column))
        spelled = texts(column).take(known)
        low, found = digests(spelled)[:, 0], np.empty(len(known), np.uint8)
        while (place := _coded(low, self._digests, _OTHER, found)) >= 0:
            self.code(str(spelled[place]))
        codes[known] = found
        return codes

    def code(self, value: str) -> int:
        """The number of a value, which is given one if there are any left."""
        if value in self.values:
            return self.values.index(value)
        if len(self.values) == MAX_VALUES:
            return _OTHER
        self.values.append(value)
        self._digests = digests(TextColumn.of(self.values))[:, 0]
        return len(self.values) - 1

    def name(self, code: int) -> str:
        """The value of that number; ``other`` and ``missing`` for those without a value."""
        return _UNNAMED.get(code) or self.values[code]

    def translation(self, other: Names) -> NDArray[np.uint8]:
        """uint8[MAX_VALUES + 2]: for each number that `other` gave, the one given here."""
        numbers = [self.code(value) for value in other.values]
        unused = [_OTHER] * (MAX_VALUES - len(numbers))
        return np.array([*numbers, *unused, _OTHER, _MISSING], np.uint8)


class Segments:
    """A tally for each value of each field; exact, as tallies are."""

    def __init__(self, kind: Kind, fields: Sequence[str]) -> None:
        self._kind = kind
        self._fields = tuple(fields)
        self._labels = Table(len(self._fields), _MISSING + 1)
        self._tallies: dict[tuple[int, int], Tally] = {}

    def add(self, verdicts: Verdicts, codes: NDArray[np.uint8]) -> None:
        """Count verdicts with their codes, uint8[k, fields]."""
        for field in range(len(self._fields)):
            column = codes[:, field]
            self._labels.add(np.full(len(column), field), column)
            for code in np.unique(column).tolist():
                self._tally(field, code).add(verdicts[column == code])

    def figures(
        self, names: Sequence[Names], budget: float, shown: Segments
    ) -> dict[tuple[str, str], dict[str, float]]:
        """The main figures by field and value.

        Args:
            names: of each field's values.
            budget: share of the scores that can be acted on.
            shown: all labels so far, which decide about what is shown by name.
        """
        found: dict[tuple[str, str], dict[str, float]] = {}
        for number, field in enumerate(self._fields):
            named = shown._named(number)
            pooled: dict[str, Tally] = {}
            for (of, code), counted in sorted(self._tallies.items()):
                if of == number:
                    name = names[number].name(code if code in named else _OTHER)
                    pooled.setdefault(name, tally(self._kind)).merge(counted)
            for name, counted in pooled.items():
                measures = counted.measures(budget)
                found[field, name] = {it: measures[it] for it in _MAIN if it in measures}
        return found

    def merge(
        self,
        other: Segments,
        translations: Sequence[NDArray[np.uint8]],
        classes: NDArray[np.int32] | None,
    ) -> None:
        """Count what `other` counted, each value under the number it has here."""
        for field, numbers in enumerate(translations):
            np.add.at(self._labels.count[field], numbers, other._labels.count[field])
        for (field, code), theirs in other._tallies.items():
            match theirs, classes:
                case ClassTally(), np.ndarray():
                    theirs = theirs.renumbered(classes)
            self._tally(field, int(translations[field][code])).merge(theirs)

    def state(self) -> State:
        """Everything `restore` needs."""
        tallies = {
            f"{field}/{code}": it.state() for (field, code), it in sorted(self._tallies.items())
        }
        return {"labels": self._labels.state(), "tallies": tallies}

    def restore(self, state: State) -> None:
        """Take over a state made by `state` of segments by the same fields."""
        self._labels.restore(state["labels"])
        self._tallies = {}
        for place, it in state["tallies"].items():
            field, _, code = place.partition("/")
            self._tally(int(field), int(code)).restore(it)

    def _tally(self, field: int, code: int) -> Tally:
        if (field, code) not in self._tallies:
            self._tallies[field, code] = tally(self._kind)
        return self._tallies[field, code]

    def _named(self, field: int) -> set[int]:
        """The codes of a field that are shown by name."""
        labels = self._labels.count[field]
        named = np.flatnonzero((labels >= _LABELS) & (np.arange(len(labels)) != _OTHER))
        return set(named.tolist()) if 2 * labels[named].sum() >= labels.sum() else set()


@compiled
def _coded(
    low: NDArray[np.uint64], known: NDArray[np.uint64], other: int, codes: NDArray[np.uint8]
) -> int:
    """Write the code of each value; the place of the first new one, if there is room for it."""
    for row in range(len(low)):
        codes[row] = other
        for code in range(len(known)):
            if known[code] == low[row]:
                codes[row] = code
                break
        if codes[row] == other and len(known) < other:
            return row
    return -1
