"""What a learner gives to the log of deltas, and what it takes from there.

A delta says of each line of a model's weights where it is pulled to and with how much evidence: the
loss of what was learned, as a parabola. To fold it is to do what the optimizer would have done with
it, from wherever the mixed model is by now: ``w ← w + (1 - exp(-τ)) · (target - w)``. What nobody
else has learned is added in full, and what all have learned is not added twice (docs/mixing.md).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from models.deltas import Decode, Delta, DeltaError, decode, encode, rounded
from models.exchange_kernels import Rule, aim, farthest, fold, look, settle, told
from models.kernels import touched
from models.mixing import Mixing
from models.optimizers import Optimizer
from models.protocol import State

__all__ = ["Exchange"]

_COLUMNS = 5


class Exchange:
    """Keeps the mixed model beside a learner's own lines, and moves these along with it.

    The mixed model is float64[lines, 5]: the lines' positions and clocks in the log; the same at
    the base that the learner's own way began at; and whether a line was told and has not come back.
    A line that the learner has nothing to say of stands where the mixed one does. One that it is
    about to tell of, or has told, stays until its own delta comes back; then what it learned
    meanwhile is on top.

    Attributes:
        counts: int64[4], labels learned and skipped, labels that other learners have learned, and
            how many lines are fresh.
        fresh: int32[lines], those that a look may find beyond the band: learned since the last one,
            or moved by a fold to where they are. No other can be, so no other is looked at.
    """

    def __init__(
        self,
        table: NDArray[np.float64],
        optimizer: Optimizer,
        penalties: tuple[float, float],
        partition: int,
        mixing: Mixing,
    ) -> None:
        rate, smooth = optimizer.knobs()
        band = mixing.divergence * optimizer.first
        self._rule = Rule(
            optimizer.rule, rate, smooth, *penalties, mixing.how == "saturating", band
        )
        self._every = mixing.look_every
        self._averages = mixing.how == "mean"
        self._partition = partition
        self._table = table
        self._mix = np.zeros((len(table), _COLUMNS))
        self.fresh = np.zeros(len(table), np.int32)
        self.counts = np.zeros(4, np.int64)
        self._sequences: dict[int, int] = {}
        self._labels = np.zeros(2, np.int64)  # of all learners in the log; own, as told last
        self._told_at = np.zeros(2, np.int64)
        self._under_way = b""

    @property
    def memory(self) -> int:
        """Bytes of the mixed model; untouched pages of it cost nothing yet."""
        return int(self._mix.nbytes + self.fresh.nbytes)

    @property
    def under_way(self) -> bytes:
        """The delta that it published and that has not come back; empty: none."""
        return self._under_way

    @property
    def until_look(self) -> int:
        """Labels to be learned until the next look; they are counted, so it comes anyway."""
        return self._every - int(self.counts[:2].sum()) % self._every

    def look(self) -> bool:
        """Leave as fresh the lines beyond the band alone, and answer whether there are any.

        While a delta is under way, nothing is found and nothing changed.
        """
        if self._under_way:
            return False
        fresh = self.fresh[: self.counts[3]]
        self.counts[3] = look(self._rule, self._table, self._mix, fresh)
        return bool(self.counts[3])

    def publish(self) -> bytes:
        """The fresh lines; see `models.protocol.Mixer`."""
        if self._under_way:
            raise RuntimeError(
                "a delta of this learner is under way: publish the next when it has come back"
            )
        line = np.sort(self.fresh[: self.counts[3]]).astype(np.int64)
        self.counts[3] = 0
        labels = int(self.counts[0] - self._labels[1])
        self._labels[1] = self.counts[0]
        self._told_at[:] = self._labels[0], self._labels[0] + labels
        value, evidence, clock = np.empty((3, len(line)))
        told(self._rule, self._table, self._mix, line, value, evidence, clock)
        evidence, clock = rounded(evidence), rounded(clock)
        if self._rule.saturating:
            aim(self._rule, self._mix, line, value, evidence, clock, self._told_at)
        sequence = self._sequences.get(self._partition, -1) + 1
        self._under_way = encode(Delta(sequence, labels, line, value, evidence, clock))
        return self._under_way

    def fold(self, sender: int, delta: bytes, decoded: Decode = decode) -> None:
        """Take over the delta that comes next in the log; see `models.protocol.Mixer`."""
        given, expected = decoded(delta, len(self._table)), self._sequences.get(sender, -1) + 1
        if given.sequence != expected:
            raise DeltaError(
                f"delta {given.sequence} of partition {sender} comes where its {expected} should: "
                "the log of deltas has lost or repeated one; each counts once or nothing is right"
            )
        own = sender == self._partition
        if own and delta != self._under_way:
            raise DeltaError(
                f"delta {given.sequence} of partition {sender} is not what its learner published: "
                "two workers write for one partition, or its state is of another log"
            )
        self._sequences[sender] = expected
        share = 1.0 / len(self._sequences) if self._averages else 1.0
        labels = np.array([self._labels[0], self._labels[0] + given.labels, *self._told_at])
        columns = given.line, given.value, given.evidence, given.clock
        fresh = self.fresh, self.counts
        fold(self._rule, self._table, self._mix, *columns, share, labels, own, *fresh)
        self._labels[0] += given.labels
        if own:
            self._under_way = b""
        else:
            self.counts[2] += given.labels

    def branch(self) -> None:
        """Be another learner's, which has told and learned nothing, and stands where all do."""
        settle(self._rule, self._table, self._mix)
        self.counts[:] = 0, 0, self._labels[0], 0
        self._labels[1] = 0
        self._told_at[:] = 0
        self._under_way = b""

    def state(self) -> State:
        """The touched lines of the mixed model, and what is under way."""
        at = touched(self._mix)
        return {
            "at": at,
            "line": self._mix[at],
            "senders": np.array(list(self._sequences), np.int64),
            "sequences": np.array(list(self._sequences.values()), np.int64),
            "labels": self._labels.copy(),
            "told_at": self._told_at.copy(),
            "under_way": self._under_way,
        }

    def restore(self, state: State, table: NDArray[np.float64], counts: NDArray[np.int64]) -> None:
        """Take over a state made by `state`, and the learner's own lines and counts as well."""
        self._table, self.counts = table, counts
        self._mix = np.zeros((len(table), _COLUMNS))
        self._mix[state["at"]] = state["line"]
        self._sequences = dict(
            zip(state["senders"].tolist(), state["sequences"].tolist(), strict=True)
        )
        self._labels[:], self._told_at[:] = state["labels"], state["told_at"]
        self._under_way = state["under_way"]
        fresh = np.flatnonzero(table[:, -1] < 0.0)
        self.fresh[: len(fresh)], self.counts[3] = fresh, len(fresh)

    def summary(self) -> Mapping[str, float]:
        """Deltas ``folded``, labels ``learned_elsewhere``, and the ``divergence`` by now.

        That is how far the farthest line is from its base, in bands: 1 is told of. All lines are
        looked at for it.
        """
        away = farthest(self._rule, self._table, self._mix)
        return {
            "folded": float(sum(self._sequences.values()) + len(self._sequences)),
            "learned_elsewhere": float(self.counts[2]),
            "divergence": away / self._rule.band,
        }
