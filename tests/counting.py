"""A model whose learners mix and only count: that a delta was taken over once is an equality.

It scores by how often which label was learned, in a few cells; the sums are whole numbers, so what
all partitions know together does not depend on the order in which they told each other.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from models.deltas import Decode, DeltaError, decode
from models.mixing import Mixing
from models.protocol import LEARN, Plan, Scores, State, Target
from streams.slices import Record

__all__ = ["CELLS", "Counting", "Tally", "counted"]

CELLS = 5
_HEAD, _PART = struct.Struct("<4sqq"), struct.Struct("<HH")


class Counting:
    """The declaration; `divergence` counts labels here.

    Args:
        padding: bytes that are added to every delta.
    """

    kind: Literal["binary"] = "binary"
    form: Literal["hashed"] = "hashed"
    mixes: Literal[True] = True
    bits, seed = 4, 0

    def __init__(self, padding: int = 0) -> None:
        self.padding = padding

    def describe(self) -> Mapping[str, Any]:
        return {"type": "Counting", "padding": self.padding}

    def accepts(self, target: Target) -> str | None:
        return None if target in (0, 1) else "neither 0 nor 1"

    def new(self, seed: int) -> Any:
        return Tally(0, 1 << 60)

    def new_mixed(self, seed: int, partition: int, mixing: Mixing) -> Tally:
        return Tally(partition, int(mixing.divergence), self.padding, mixing.look_every)


class Tally:
    """One of its learners.

    Attributes:
        mixed: int64[CELLS, 2], what was taken over: how often which label.
        own: what was learned since the last publication.
        way: what was published and has not come back; None: nothing.
        labels: how many were learned.
        sent: how many deltas were published.
        last: by sender, the number of its last delta.
    """

    kind: Literal["binary"] = "binary"

    def __init__(self, partition: int, enough: int = 1, padding: int = 0, every: int = 4) -> None:
        self.partition, self._enough, self._padding = partition, enough, padding
        self._every, self.labels = every, 0
        self.mixed, self.own = _none(), _none()
        self.way: NDArray[np.int64] | None = None
        self.sent = 0
        self.last: dict[int, int] = {}

    def run(self, plan: Plan, rows: Any) -> Scores:
        scores, targets = [], iter(plan.target)
        for op, row in zip(plan.op, plan.row, strict=True):
            if op == LEARN:
                self.own[row % CELLS, int(next(targets))] += 1
                self.labels += 1
                full = self.labels % self._every == 0 and self.own.sum() >= self._enough
                if full and self.way is None:
                    self.publish()
            else:
                no, yes = self._known()[row % CELLS]
                scores.append((yes + 1) / (no + yes + 2))
        value = np.array(scores, np.float64)
        return Scores(value, value >= 0.5)

    @property
    def under_way(self) -> bytes:
        if self.way is None:
            return b""
        head = _HEAD.pack(b"TALL", self.sent, self._padding)
        return head + self.way.tobytes() + bytes(self._padding)

    def publish(self) -> bytes:
        if self.way is not None:
            raise RuntimeError("a delta is under way")
        self.sent += 1
        self.way, self.own = self.own, _none()
        return self.under_way

    def branch(self) -> None:
        self.own, self.way = _none(), None
        self.labels = self.sent = 0

    def fold(self, sender: int, delta: bytes, decoded: Decode = decode) -> None:
        number, counts = _read(delta)
        if number != self.last.get(sender, 0) + 1:
            raise DeltaError(f"delta {number} of {sender} after {self.last.get(sender, 0)}")
        if sender == self.partition:
            if number != self.sent or self.way is None or not np.array_equal(self.way, counts):
                raise DeltaError(f"delta {number} is not what was told")
            self.way = None
        self.last[sender] = number
        self.mixed = self.mixed + counts

    def state(self) -> State:
        return {
            "mixed": self.mixed.copy(),
            "own": self.own.copy(),  # it counts on while an image is made of this
            "way": None if self.way is None else self.way.copy(),
            "labels": self.labels,
            "sent": self.sent,
            "last": [list(pair) for pair in sorted(self.last.items())],
        }

    def restore(self, state: State) -> None:
        self.mixed, self.own, self.way = state["mixed"], state["own"], state["way"]
        self.labels, self.sent, self.last = state["labels"], state["sent"], dict(state["last"])

    def summary(self) -> Mapping[str, float]:
        return {"learned": float(self._known().sum()), "divergence": float(self.own.sum())}

    def _known(self) -> NDArray[np.int64]:
        return self.mixed + self.own + (0 if self.way is None else self.way)


def counted(told: Iterable[Record]) -> NDArray[np.int64]:
    """The sum of what records of a deltas topic tell, each delta's last one behind its others."""
    total, parts = _none(), defaultdict(bytes)
    for record in told:
        parts[record.key] += record.value[_PART.size :]
        number, count = _PART.unpack_from(record.value)
        if number + 1 == count:
            total += _read(parts.pop(record.key))[1]
    return total


def _read(delta: bytes) -> tuple[int, NDArray[np.int64]]:
    size = _none().nbytes
    if len(delta) < _HEAD.size + size or not delta.startswith(b"TALL"):
        raise DeltaError(f"{len(delta)} bytes that begin with {delta[:4]!r} are no counts")
    _, number, padding = _HEAD.unpack_from(delta)
    if len(delta) != _HEAD.size + size + padding:
        raise DeltaError(f"{len(delta)} bytes are not all of the counts")
    return number, np.frombuffer(delta, np.int64, 2 * CELLS, _HEAD.size).reshape(CELLS, 2).copy()


def _none() -> NDArray[np.int64]:
    return np.zeros((CELLS, 2), np.int64)
