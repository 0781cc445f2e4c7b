"""Plans cut where so many labels are learned, and plans that ask once more before each label."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from models.column import Column, chosen, listed
from models.protocol import LEARN, SCORE, Plan, Scores

__all__ = ["asking", "joined", "labels_only", "stretches", "taken"]


def stretches(plan: Plan, left: int, length: int) -> Iterator[Plan]:
    """The plan in parts, the first to the end of `left` labels, others of `length` labels.

    A part ends right behind its last label, so where a part ends depends on the labels alone.
    """
    if len(plan.target) < left:
        yield plan
        return
    op, row = np.frombuffer(plan.op, np.int8), np.frombuffer(plan.row, np.int64)
    learned = np.flatnonzero(op == LEARN)
    start = taken = 0
    for last in range(left, len(learned) + 1, length):
        stop = int(learned[last - 1]) + 1
        yield _part(plan, op[start:stop], row[start:stop], taken, last)
        start, taken = stop, last
    if start < len(op):
        yield _part(plan, op[start:], row[start:], taken, len(learned))


def asking(plan: Plan) -> tuple[Plan, NDArray[np.bool_]]:
    """The plan with a question right before each label, and which of its answers are to those."""
    op, row = np.frombuffer(plan.op, np.int8), np.frombuffer(plan.row, np.int64)
    twice = np.where(op == LEARN, 2, 1)
    more = op.repeat(twice)
    ends = np.cumsum(twice) - 1
    extra = np.ones(len(more), np.bool_)
    extra[ends] = False
    more[extra] = SCORE
    asked = Plan()
    asked.extend(more, row.repeat(twice), plan.target)
    return asked, extra[more == SCORE]


def labels_only(plan: Plan) -> Plan:
    """Ask for each row that is learned, then learn it; nothing else."""
    op, row = np.frombuffer(plan.op, np.int8), np.frombuffer(plan.row, np.int64)
    rows = row[op == LEARN]
    steps = np.tile(np.array([SCORE, LEARN], np.int8), len(rows))
    plan_of_labels = Plan()
    plan_of_labels.extend(steps, rows.repeat(2), plan.target)
    return plan_of_labels


def taken(scores: Scores, which: NDArray[np.bool_]) -> Scores:
    """Some of the answers."""
    decision = scores.decision
    if decision is not None:
        decision = chosen(decision, np.flatnonzero(which).tolist())
    return Scores(scores.value[which], decision)


def joined(parts: Sequence[Scores]) -> Scores:
    """The answers of parts, one after another."""
    if len(parts) == 1:
        return parts[0]
    return Scores(np.concatenate([part.value for part in parts]), _joined(parts))


def _joined(parts: Sequence[Scores]) -> Column | None:
    columns = [part.decision for part in parts if part.decision is not None]
    if not columns:
        return None
    if all(isinstance(column, np.ndarray) for column in columns):
        return np.concatenate([np.asarray(column) for column in columns])
    return [one for column in columns for one in listed(column)]


def _part(plan: Plan, op: NDArray[np.int8], row: NDArray[np.int64], first: int, last: int) -> Plan:
    part = Plan()
    part.extend(op, row, plan.target[first:last])
    return part
