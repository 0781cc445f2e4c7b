"""What the task asks of a model: nothing of Kafka, nothing of River.

A task does not call a model event by event. It hands over a `Plan`: a strictly ordered list of
*score this row* and *learn that row with this target*, in exactly the order in which one event at a
time would have done it. A compiled kernel walks the plan in one call, an adapter in a Python loop;
the results are the same for any cut of a stream into plans.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from models.column import Column, chosen, listed
from models.deltas import Decode, decode

__all__ = [
    "LEARN",
    "SCORE",
    "Kind",
    "Learner",
    "Mixer",
    "MixingModel",
    "Model",
    "Plan",
    "RowStore",
    "Scores",
    "State",
    "Target",
]

Kind: TypeAlias = Literal["binary", "multiclass", "regression", "anomaly"]
"""What a model predicts, and so how its score is decided upon and measured."""

Target: TypeAlias = float | int | bool | str
"""A label as it stands in an event or a label message."""

State: TypeAlias = Mapping[str, Any]
"""A tree of mappings, sequences, numbers, strings, bytes and NumPy arrays; what an image holds."""

SCORE, LEARN = 0, 1


@dataclass(slots=True)
class Plan:
    """A program for a model: operations on rows, to be carried out strictly in order.

    Attributes:
        op: int8, `SCORE` or `LEARN` for each step.
        row: int64, sequence number of the row each step reads.
        target: the label of each `LEARN` step, in order; `SCORE` steps have none. An array where
            `score_then_learn` was given one and nothing else.
        source: int8, for each `LEARN` step the number of the source that it is from; None where
            labels have no sources.
        weight: float64, for each `LEARN` step how much it counts; None: each counts once.
    """

    op: array[int] = field(default_factory=lambda: array("b"))
    row: array[int] = field(default_factory=lambda: array("q"))
    target: Sequence[Target] | NDArray[Any] = field(default_factory=list)
    source: NDArray[np.int8] | None = None
    weight: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.op)

    def score(self, row: int) -> None:
        """Append *score this row*."""
        self.op.append(SCORE)
        self.row.append(row)

    def learn(self, row: int, target: Target) -> None:
        """Append *learn this row*."""
        self.op.append(LEARN)
        self.row.append(row)
        self._targets().append(target)

    def score_run(self, first: int, n: int) -> None:
        """Append *score* for each of the `n` rows from `first` on."""
        self.op.frombytes(bytes((SCORE,)) * n)
        self.row.frombytes(np.arange(first, first + n).tobytes())

    def learn_each(self, rows: Sequence[int], targets: Sequence[Target]) -> None:
        """Append *learn* for each row, with the label at the same place of `targets`."""
        self.op.frombytes(bytes((LEARN,)) * len(rows))
        self.row.extend(rows)
        self._targets().extend(targets)

    def score_then_learn(self, first: int, targets: Sequence[Target] | NDArray[Any]) -> None:
        """Append *score, then learn* for each row from `first` on: its label came with it."""
        n = len(targets)
        if isinstance(targets, np.ndarray) and not self.op:
            self.target = targets
        else:
            self._targets().extend(listed(targets))
        self.op.frombytes(bytes((SCORE, LEARN)) * n)
        self.row.frombytes(np.arange(first, first + n).repeat(2).tobytes())

    def score_then_learn_some(self, first: int, targets: Sequence[Target | None]) -> None:
        """The same, where some events came without a label."""
        for row, target in enumerate(targets, first):
            self.score(row)
            if target is not None:
                self.learn(row, target)

    def extend(
        self, op: NDArray[np.int8], row: NDArray[np.int64], targets: Sequence[Target] | NDArray[Any]
    ) -> None:
        """Append steps that are laid out as a plan's own."""
        if isinstance(targets, np.ndarray) and not self.op:
            self.target = targets
        elif len(targets):
            self._targets().extend(listed(targets))
        self.op.frombytes(op.tobytes())
        self.row.frombytes(row.tobytes())

    def only(self, steps: NDArray[np.bool_]) -> Plan:
        """The plan of those of its steps, with what belongs to them."""
        op, row = np.frombuffer(self.op, np.int8), np.frombuffer(self.row, np.int64)
        kept = np.flatnonzero(steps[op == LEARN])
        part = Plan()
        part.extend(op[steps], row[steps], chosen(self.target, kept))
        part.source = None if self.source is None else self.source[kept]
        part.weight = None if self.weight is None else self.weight[kept]
        return part

    def _targets(self) -> list[Target]:
        if not isinstance(self.target, list):
            self.target = listed(self.target)
        return self.target


@dataclass(frozen=True, slots=True)
class Scores:
    """The results of a plan's `SCORE` steps, in order.

    Attributes:
        value: float64[n]. Probability of the positive class (binary), of the predicted class
            (multiclass), the prediction (regression) or the anomaly score; NaN where the model
            had no answer yet.
        decision: what the model itself would answer (a class; None: no answer yet), one for each
            value; None for regression and anomaly.
    """

    value: NDArray[np.float64]
    decision: Column | None


class RowStore(Protocol):
    """A window of rows numbered in order of arrival; see `models.rows.Rows`."""

    first: int
    next: int

    def __len__(self) -> int: ...

    def drop_before(self, seq: int) -> None:
        """Forget all rows numbered below `seq`."""


R = TypeVar("R", bound=RowStore, contravariant=True)


class Learner(Protocol[R]):
    """A model at work in one partition."""

    kind: Kind

    def run(self, plan: Plan, rows: R) -> Scores:
        """Carry out the plan, strictly in order; answer its `SCORE` steps."""

    def state(self) -> State:
        """Everything `restore` needs for every later result to be equal to the bit."""

    def restore(self, state: State) -> None:
        """Take over a state made by `state` of a learner with the same declaration."""

    def summary(self) -> Mapping[str, float]:
        """A few gauges: ``learned`` (targets seen), and what else the model can tell cheaply."""


class Mixer(Learner[R], Protocol[R]):
    """A learner that learns as one with those of the other partitions, by deltas in one log.

    Each time it has learned so many labels it looks whether it has enough to tell, and publishes
    that, one delta at a time. Every delta of every learner, its own too, is handed to each of them
    in the order of the log. When it folds what is decided by the caller; given the same folds
    between the same steps, all that follows is the same to the bit. A learner without anything of
    its own starts from what it folds.
    """

    @property
    def under_way(self) -> bytes:
        """The delta that it published and that has not come back; empty: none."""

    def publish(self) -> bytes:
        """What it has to tell by now, whenever it would look; under way until it is folded.

        Raises:
            RuntimeError: there is one under way.
        """

    def branch(self) -> None:
        """Be the learner of another partition, that has read the log as far and told nothing.

        It has nothing of its own, so that what its parent has yet to tell counts once.
        """

    def fold(self, sender: int, delta: bytes, decoded: Decode = decode) -> None:
        """Take over the delta that comes next in the log, of this or another partition.

        Its own comes back as it was published: from then on it starts from the mixed model, with
        what it learned meanwhile on top.

        Args:
            sender: the partition that told.
            delta: as it was published.
            decoded: decodes it, where that is not done for this learner alone.

        Raises:
            models.deltas.DeltaError: it is none, or repeats or skips one of that sender; nothing
                was changed.
        """


class Model(Protocol):
    """The declaration a user writes: no state; two are the same model where `describe` is."""

    @property
    def kind(self) -> Kind:
        """What it predicts."""

    @property
    def form(self) -> Literal["hashed", "named"]:
        """How it reads an event: sparse rows (`models.rows.Rows`), or dicts of feature values."""

    def describe(self) -> Mapping[str, Any]:
        """Every hyper-parameter, in a stable order: what a pipeline's fingerprint is made of."""

    def accepts(self, target: Target) -> str | None:
        """Why this label cannot be learned, in words for the dead-letter topic; None: it can."""

    def new(self, seed: int) -> Any:
        """A fresh `Learner`."""


class MixingModel(Model, Protocol):
    """A model whose learners can mix; `models.mixing.mixes` tells it from others."""

    mixes: Literal[True]

    def new_mixed(self, seed: int, partition: int, mixing: Any) -> Any:
        """A fresh `Mixer` for a partition, by a `models.mixing.Mixing`."""
