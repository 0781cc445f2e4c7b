"""A joiner taken through a log, and the logs it is taken through, for several test modules."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from plain_joiner import Joiner as PlainJoiner

from models.column import listed
from models.protocol import LEARN, Plan
from models.textcolumn import TextColumn
from streams.image import Image, pack
from streams.joiner import Joiner

law = settings(deadline=None)


@dataclass
class Walk:
    """A joiner and its plan so far: ``("score", row)``, ``("learn", row, target, watermark)``."""

    joiner: Any
    steps: list[tuple[Any, ...]] = field(default_factory=list)
    row: int = 0

    def events(self, *pairs: tuple[str, float]) -> Walk:
        plan = Plan()
        ids, times = [identity for identity, _ in pairs], [at for _, at in pairs]
        if isinstance(self.joiner, Joiner):
            ids, times = TextColumn.of(ids), np.array(times, np.float64)
        self._note(plan, self.joiner.events(ids, times, self.row, plan))
        self.row += len(pairs)
        return self

    def labels(self, *labels: tuple[Any, ...]) -> Walk:
        """Take labels: id, target, date and, where the joiner holds, whether it is held."""
        plan = Plan()
        ids, targets, times = ([label[n] for label in labels] for n in range(3))
        held: Any = [label[3] for label in labels if len(label) > 3] or None
        if isinstance(self.joiner, Joiner):
            ids, targets, times = TextColumn.of(ids), column(targets), np.array(times, np.float64)
            held = None if held is None else np.array(held)
        self._note(plan, self.joiner.labels(ids, targets, times, plan, held))
        return self

    def _note(self, plan: Plan, learned_at: Any) -> None:
        dates = listed(np.array(learned_at, np.float64))  # None for what is learned again
        learned = iter(zip(listed(plan.target), dates, strict=True))
        self.steps += [
            ("learn", row, *next(learned)) if op == LEARN else ("score", row)
            for op, row in zip(plan.op, plan.row, strict=True)
        ]
        assert next(learned, None) is None

    @property
    def learned(self) -> list[tuple[int, Any]]:
        return [(step[1], step[2]) for step in self.steps if step[0] == "learn"]


def column(values: list[Any]) -> Any:
    """As a decoder would lay it out: text in one buffer, numbers of one type in an array."""
    kinds = set(map(type, values))
    if kinds == {str}:
        return TextColumn.of(values)
    if kinds in ({bool}, {float}) or (kinds == {int} and max(map(abs, values)) < 2**63):
        return np.array(values)
    return values


def walk(
    matures_after: float | None = None,
    remember: int = 1_000,
    otherwise: Any = 0,
    *,
    holds: bool = False,
    correctable: float | None = None,
) -> Walk:
    otherwise = None if matures_after is None else otherwise
    rules = matures_after, otherwise, remember
    return Walk(Joiner(*rules, holds=holds, correctable=correctable))


def plain_walk(
    matures_after: float | None,
    remember: int,
    otherwise: Any = 0,
    correctable: float | None = None,
) -> Walk:
    otherwise = None if matures_after is None else otherwise
    return Walk(PlainJoiner(matures_after, otherwise, remember, correctable))


def outcomes(walked: Walk) -> dict[str, int]:
    return {name: n for name, n in walked.joiner.outcomes.items() if n}


def image(walked: Walk) -> bytes:
    """Every bit of the state, as it is stored."""
    return pack(Image(1, "", 0, {}, walked.joiner.state()))


def exact(steps: list[tuple[Any, ...]]) -> str:
    """Tells True from 1 and 1.0, and 0.0 from -0.0."""
    return repr(steps)


# Events have even times, labels odd dates, so that no two are of the same moment.
names = st.sampled_from("abcdefgh")
events = st.tuples(names, st.integers(0, 30).map(lambda n: 2.0 * n))
labels = st.tuples(names, st.sampled_from([0, 1]), st.integers(0, 40).map(lambda n: 2.0 * n + 1))
logs = st.lists(events | labels, max_size=40)
maturities = st.sampled_from([None, 6.0, 20.0])
memories = st.sampled_from([1, 3, 1_000])

# Few moments, so that labels, maturities and events fall together; targets of every type.
moments = st.integers(0, 12).map(float) | st.floats(-1e6, 1e6, width=32)
texts = st.sampled_from(["genuine", "fraud", "vrač", ""])
numbers = st.sampled_from([0.0, -0.0, 1.0, 0.5, 2.0**53, 1e100, -(2.0**63)])
wholes = st.sampled_from([0, 1, 2**53, 2**53 + 1, 2**63 - 1, -(2**63), 2**70])
kinds = st.sampled_from([st.booleans(), wholes, numbers | st.floats(-9, 9), texts])
targets = st.one_of(st.booleans(), wholes, numbers, texts)
any_names = st.sampled_from("abcdefghijkl") | st.text(max_size=20)


def any_logs(target: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    event, label = st.tuples(any_names, moments), st.tuples(any_names, target, moments)
    return st.lists(event | label, max_size=80)


def replay(walked: Walk, log) -> Walk:
    for record in log:
        walked.events(record) if len(record) == 2 else walked.labels(record)
    return walked


def runs(log):
    """Stretches of the log that are of one kind."""
    found: list[list] = []
    for record in log:
        if found and len(found[-1][0]) == len(record):
            found[-1].append(record)
        else:
            found.append([record])
    return found
