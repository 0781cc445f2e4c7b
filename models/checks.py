"""`check_model`: every promise of `models.protocol`, tried on any model.

The model is run on a small made-up stream whose labels come late, out of order and for some events
only. A broken promise is a `BrokenPromiseError` that says which one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Any, TypeAlias, get_args

import numpy as np

from models.column import listed
from models.dictrows import DictRows
from models.protocol import Kind, Model, Plan, Scores, Target
from models.rows import Rows

__all__ = ["PROMISES", "BrokenPromiseError", "check_model"]

Step: TypeAlias = tuple[int, Target | None]
"""A row to score, or to learn if there is a target."""

_FIELDS = ("amount", "age", "distance", "hour")
_CLASSES = ("a", "b", "c")


class BrokenPromiseError(AssertionError):
    """A model does not do what `models.protocol` says of all models."""


def check_model(model: Model, events: int = 120, seed: int = 1) -> None:
    """Try every promise on `model`.

    Args:
        model: a declaration; it is not changed. A ``"named"`` one reads four numeric features.
        events: length of the made-up stream.
        seed: of the made-up stream.

    Raises:
        BrokenPromiseError: a promise is not kept.
    """
    for promise in PROMISES:
        promise(model, _stream(model, events, Random(seed)))


@dataclass(frozen=True, slots=True)
class _Stream:
    rows: Any
    steps: Sequence[Step]

    def cut(self, *at: int) -> Iterable[Plan]:
        """The steps as several plans."""
        edges = (0, *at, len(self.steps))
        for start, stop in pairwise(edges):
            yield _plan(self.steps[start:stop])


def _check_description(model: Model, _stream: _Stream) -> None:
    description = model.describe()
    _promise(model.kind in get_args(Kind), f"kind {model.kind!r} is one of {get_args(Kind)}")
    _promise(model.form in ("hashed", "named"), f"form {model.form!r} is 'hashed' or 'named'")
    _promise(model.new(0).kind == model.kind, "a learner has its model's kind")
    _promise(
        json.dumps(description) == json.dumps(model.describe()),
        "describe() says the same every time, in the same order",
    )


def _check_answers(model: Model, stream: _Stream) -> None:
    learner = model.new(0)
    scored = sum(target is None for _, target in stream.steps)
    for scores in _run(learner, stream.cut(), stream.rows):
        _promise(len(scores.value) == scored, "every SCORE step has one answer")
        _promise(not np.isinf(scores.value).any(), "a score is finite, or NaN for no answer")
        if model.kind in ("regression", "anomaly"):
            _promise(scores.decision is None, f"a {model.kind} model decides nothing")
            continue
        decisions = _decisions(scores)
        _promise(len(decisions) == scored, "every score comes with a decision")
        for value, decision in zip(scores.value.tolist(), decisions, strict=True):
            _promise(math.isnan(value) == (decision is None), "no score, no decision")
            _promise(not (value < 0 or value > 1), f"{value} is a probability")
    summary = learner.summary()
    _promise("learned" in summary, "summary() counts the labels learned")
    _promise(all(map(math.isfinite, summary.values())), "summary() holds finite numbers")


def _check_labels(model: Model, stream: _Stream) -> None:
    for _, target in stream.steps:
        if target is not None:
            _promise(model.accepts(target) is None, f"a {model.kind} model accepts {target!r}")
    _promise(bool(model.accepts(math.nan)), "accepts(nan) says why a NaN cannot be learned")


def _check_cuts(model: Model, stream: _Stream) -> None:
    whole, parts, single = model.new(0), model.new(0), model.new(0)
    expected = _bits(_run(whole, stream.cut(), stream.rows))
    n = len(stream.steps)
    for learner, cuts in ((parts, (1, n // 3, n // 3, n // 2)), (single, range(1, n))):
        same = _bits(_run(learner, stream.cut(*cuts), stream.rows)) == expected
        _promise(same, "a plan gives the same bits as its parts, one after another")
        _promise(_alike(learner.state(), whole.state()), "… and leaves the same state")


def _check_restore(model: Model, stream: _Stream) -> None:
    first, second = stream.cut(len(stream.steps) // 2)
    original, copy = model.new(0), model.new(1)
    original.run(first, stream.rows)
    image = original.state()
    copy.restore(image)
    _promise(_alike(copy.state(), image), "a restored learner has the state it was given")
    expected = _bits([original.run(second, stream.rows)])
    for _ in range(2):
        same = _bits([copy.run(second, stream.rows)]) == expected
        _promise(same, "a restored learner goes on to the bit, and learning changes no image")
        copy.restore(image)


def _check_replay(model: Model, stream: _Stream) -> None:
    before = json.dumps(model.describe())
    one, other = model.new(7), model.new(7)
    expected = _bits(_run(one, stream.cut(), stream.rows))
    same = _bits(_run(other, stream.cut(), stream.rows)) == expected
    _promise(same, "two learners of one seed learn the same, and share nothing")
    _promise(json.dumps(model.describe()) == before, "learning does not change the declaration")


def _check_extremes(model: Model, stream: _Stream) -> None:
    learner = model.new(0)
    huge = 1e300 if model.form == "hashed" else 1e9
    targets = [target for _, target in stream.steps if target is not None]
    wild = _rows(model, [dict.fromkeys(_FIELDS, huge)] * 4)
    plan = Plan()
    plan.score_then_learn(0, targets[:4])
    plan.score_run(0, 4)
    for scores in (learner.run(plan, wild), *_run(learner, stream.cut(), stream.rows)):
        _promise(not np.isinf(scores.value).any(), "an infinite score never leaves a model")
    numbers = [learner.state(), learner.summary()]
    _promise(not _holds_non_finite(numbers), "a value that overflows does not stay in the state")


PROMISES: tuple[Callable[[Model, _Stream], None], ...] = (
    _check_description,
    _check_answers,
    _check_labels,
    _check_cuts,
    _check_restore,
    _check_replay,
    _check_extremes,
)


def _promise(kept: bool, words: str) -> None:
    if not kept:
        raise BrokenPromiseError(f"promised, but not kept: {words}")


def _run(learner: Any, plans: Iterable[Plan], rows: Any) -> list[Scores]:
    return [learner.run(plan, rows) for plan in plans]


def _plan(steps: Iterable[Step]) -> Plan:
    plan = Plan()
    for row, target in steps:
        if target is None:
            plan.score(row)
        else:
            plan.learn(row, target)
    return plan


def _bits(results: Iterable[Scores]) -> tuple[bytes, list[Target | None]]:
    results = list(results)
    decisions = [one for scores in results for one in _decisions(scores)]
    return b"".join(scores.value.tobytes() for scores in results), decisions


def _alike(one: Any, other: Any) -> bool:
    """Whether two states are equal to the bit; bytes only a model can read are not compared."""
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(_alike(one[k], other[k]) for k in one)
    if isinstance(one, np.ndarray):
        return bool(one.dtype == other.dtype) and one.tobytes() == bytes(other.tobytes())
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(_alike, one, other))
    return isinstance(one, bytes) or bool(one == other)


def _holds_non_finite(state: Any) -> bool:
    if isinstance(state, Mapping):
        return any(map(_holds_non_finite, state.values()))
    if isinstance(state, (list, tuple)):
        return any(map(_holds_non_finite, state))
    if isinstance(state, np.ndarray):
        return state.dtype.kind == "f" and not bool(np.isfinite(state).all())
    return isinstance(state, float) and not math.isfinite(state)


def _stream(model: Model, events: int, random: Random) -> _Stream:
    values = [{field: random.gauss(0.0, 1.0) for field in _FIELDS} for _ in range(events)]
    steps: list[Step] = []
    for row, x in enumerate(values):
        steps.append((row, None))
        labelled = row - random.randrange(8)
        if labelled >= 0 and random.random() < 0.8:
            steps.append((labelled, _target(model.kind, values[labelled], random)))
        if x["hour"] > 1.0:
            steps.append((row, None))
    return _Stream(_rows(model, values), steps)


def _target(kind: Kind, x: Mapping[str, float], random: Random) -> Target:
    signal = x["amount"] - x["age"] + random.gauss(0.0, 0.3)
    if kind == "regression":
        return signal
    if kind == "multiclass":
        return _CLASSES[(signal > -0.5) + (signal > 0.5)]
    return signal > 0


def _rows(model: Model, values: Sequence[dict[str, float]]) -> Rows | DictRows:
    """The events as the model reads them; hashed rows hold categories too."""
    if model.form == "named":
        named = DictRows()
        named.append(list(values))
        return named
    buckets: int = 2 ** getattr(model, "bits", 1)
    hashed = Rows()
    for row, x in enumerate(values):
        index = np.array([*range(len(x)), row * 7, 1], np.int64) * 2_654_435_761 % buckets
        if getattr(model, "slots", False):
            index[: len(x)] = -1 - np.arange(len(x))
        value = np.array([*x.values(), 1.0, -1.0])
        hashed.append(np.array([len(index)]), index.astype(np.int32), value)
    return hashed


def _decisions(scores: Scores) -> list[Target | None]:
    return [] if scores.decision is None else listed(scores.decision)
