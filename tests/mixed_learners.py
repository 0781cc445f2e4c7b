"""Learners that mix in one process, by hand: who learns what, who tells, who reads what when."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from models.linear import HashedLinear, Logistic
from models.mixing import Mixing, mixed
from models.optimizers import FTRL, SGD, AdaGrad
from models.protocol import Plan, Scores
from models.rows import Rows

BITS = 4
OPTIMIZERS = [SGD(0.1), SGD(0.3, "sqrt"), AdaGrad(0.1), FTRL(0.2, 0.5), FTRL(0.2, l1=0.05, l2=0.1)]


def model(optimizer=None, cls=Logistic, **settings) -> HashedLinear:
    """A small one."""
    return cls(bits=BITS, optimizer=optimizer or AdaGrad(0.1), **settings)


class Group:
    """Learners of partitions 0, 1, …, and the log of deltas that they all read.

    They look when they are told to, never by themselves.
    """

    def __init__(self, declared, partitions: int, mixing: Mixing | None = None) -> None:
        self.declared = declared
        self.mixing = replace(mixing or Mixing(divergence=1e-6), look_every=1 << 60)
        self.learners = [self.fresh(partition) for partition in range(partitions)]
        self.log: list[tuple[int, bytes]] = []
        self.read = [0] * partitions

    def fresh(self, partition: int):
        return mixed(self.declared, 0, partition, self.mixing)

    def learn(self, partition: int, events) -> Scores:
        """Have one score and learn rows, each a list of buckets and values with its label."""
        return learn(self.learners[partition], events)

    def publish(self, partition: int) -> bool:
        """Have one look, and tell the others what it finds."""
        if not self.learners[partition].look():
            return False
        self.log.append((partition, self.learners[partition].publish()))
        return True

    def fold(self, partition: int, upto: int | None = None) -> None:
        """Have one read the log."""
        upto = len(self.log) if upto is None else upto
        for sender, delta in self.log[self.read[partition] : upto]:
            self.learners[partition].fold(sender, delta)
        self.read[partition] = max(upto, self.read[partition])

    def exchange(self) -> None:
        """Have all tell what they have to, and then all read all of it."""
        for partition in range(len(self.learners)):
            self.publish(partition)
        for partition in range(len(self.learners)):
            self.fold(partition)

    def weights(self, partition: int):
        """float64[lines]: dense, the last the intercept."""
        return dense(self.learners[partition].state())


def learn(learner, events) -> Scores:
    rows, plan = planned(events)
    return learner.run(plan, rows)


def planned(events) -> tuple[Rows, Plan]:
    """Rows, each to be scored, then learned."""
    rows, plan = Rows(), Plan()
    for row, (entries, label) in enumerate(events):
        index = np.array([i for i, _ in entries], np.int32)
        rows.append(np.array([len(entries)]), index, np.array([float(v) for _, v in entries]))
        plan.score(row)
        plan.learn(row, label)
    return rows, plan


def dense(state):
    weights = np.zeros(2**BITS + 1)
    weights[state["at"]] = state["line"][:, 0]
    return weights


def bits(state) -> list[object]:
    """Every number of a state, to compare to the bit."""
    if isinstance(state, dict):
        return [(name, bits(part)) for name, part in sorted(state.items())]
    return [state.tobytes(), state.dtype, state.shape] if hasattr(state, "tobytes") else [state]
