"""Decides on scored events: by the score, by rules beside it, and now and then by chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.alerting import BY_EXPLORING, BY_SCORE, EXPLORED, FREE, QUIET, RAISED, UNKNOWN
from models.alerts import Alerts
from models.column import Column, Columns, where_known
from models.protocol import Scores, State
from models.textcolumn import TextColumn
from streams.conditions import SCORE
from streams.decisions import RESERVED, AlertBudget, Bands, answers
from streams.declare import Threshold
from streams.exploration import drawn
from streams.predictions import Coded, Notes

if TYPE_CHECKING:
    from streams.pipeline import Pipeline

__all__ = ["Decided", "Decider", "Tally", "label_values"]


@dataclass(frozen=True, slots=True)
class Tally:
    """How often what was decided, and how often each rule fired."""

    decisions: Mapping[str, int] = field(default_factory=dict)
    rules: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decided:
    """What is decided on n events.

    Attributes:
        decision: as it is published.
        measured: as quality measures it: whether it is the severest; None: nothing was decided.
        notes: what a prediction says besides.
        tally: of these events.
    """

    decision: Column
    measured: Column
    notes: Notes = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)


class Decider:
    """Decides for one partition, strictly one event after the other.

    The first rule that fires and is in no shadow decides; then chance, where the score would decide
    for the severest; then the score.

    Args:
        pipeline: that declares how.
        partition: whose share of a budget it is.
    """

    def __init__(self, pipeline: Pipeline, partition: int) -> None:
        self._decide = decide = pipeline.decide
        self._rules, self._explore, self._seed = pipeline.rules, pipeline.explore, pipeline.seed
        self._answers = () if decide is None else answers(decide)
        self._by = (None, *RESERVED, *(rule.name for rule in self._rules))
        self._first_rule = len(self._by) - len(self._rules)
        self._then = np.array([1 + self._answers.index(rule.then) for rule in self._rules], int)
        self._alerts, self._one_per = None, None
        if isinstance(decide, AlertBudget):
            self._alerts = Alerts(decide.share(partition), decide.first)
            self._one_per = decide.one_per

    def decide(
        self,
        scores: Scores,
        columns: Columns,
        ids: TextColumn | None,
        micros: NDArray[np.int64],
    ) -> Decided:
        """Decide on n events.

        Args:
            scores: of the model.
            columns: of the events.
            ids: n; None where the pipeline declares none.
            micros: int64[n], event times since 1970.
        """
        decide, score = self._decide, scores.value
        if decide is None:
            own = [None] * len(score) if scores.decision is None else scores.decision
            return Decided(own, own)
        if isinstance(decide, Threshold) and not (self._rules or self._explore):
            found = decide.decisions(score)
            return Decided(found, found)
        fired = [rule.when.holds({**columns, SCORE: score}) for rule in self._rules]
        ruling = self._ruling(fired, len(score))
        exploring = np.zeros(len(score), np.bool_)
        if self._explore and ids is not None:
            exploring = drawn(ids, self._seed) < self._explore
        if self._alerts is not None:
            codes, by, notes = self._by_budget(score, columns, micros, ruling, exploring)
        else:
            codes, by = self._by_score(score, exploring)
            notes = {}
        acting = ruling >= 0
        codes[acting], by[acting] = self._then[ruling[acting]], ruling[acting] + self._first_rule
        severest = codes == len(self._answers)
        measured = where_known(severest, codes > 0)
        notes = self._noted(notes, fired, by, severest)
        return Decided(self._named(codes), measured, notes, self._tally(codes, fired))

    def summary(self) -> Mapping[str, float]:
        """How a budget of alerts is used, where there is one; see `Alerts.summary`."""
        return {} if self._alerts is None else self._alerts.summary()

    def state(self) -> State | None:
        """What later decisions depend on; None: they depend on nothing."""
        if self._alerts is None:
            return None
        return {"one_per": self._one_per, "alerts": self._alerts.state()}

    def restore(self, state: State | None) -> None:
        """Take over a state, as far as it is one of decisions that are made as these are."""
        if self._alerts is not None and state is not None and state["one_per"] == self._one_per:
            self._alerts.restore(state["alerts"])

    def _ruling(self, fired: Sequence[NDArray[np.bool_]], n: int) -> NDArray[np.int64]:
        """The number of the rule that decides each event, int64[n]; -1: none does."""
        ruling = np.full(n, -1)
        for number in reversed(range(len(fired))):
            if not self._rules[number].shadow:
                ruling[fired[number]] = number
        return ruling

    def _by_score(
        self, score: NDArray[np.float64], exploring: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The number of each answer, from 1 on (0: none), and what it is decided by."""
        assert isinstance(self._decide, Bands | Threshold)
        codes = self._decide.codes(score)
        by = np.where(codes > 0, BY_SCORE, UNKNOWN)
        through = exploring & (codes == len(self._answers))
        codes[through], by[through] = 1, BY_EXPLORING
        return codes, by

    def _by_budget(
        self,
        score: NDArray[np.float64],
        columns: Columns,
        micros: NDArray[np.int64],
        ruling: NDArray[np.int64],
        exploring: NDArray[np.bool_],
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], Notes]:
        """As `_by_score`, and the thresholds; alerts by rules are among those of the budget."""
        assert self._alerts is not None
        given = np.where(exploring, EXPLORED, FREE).astype(np.int8)
        acting = ruling >= 0
        given[acting] = np.where(self._then[ruling[acting]] > 1, RAISED, QUIET)
        keys = None if self._one_per is None else columns[self._one_per]
        out = self._alerts.decide(score, keys, micros, given)
        codes = np.where(out.why == UNKNOWN, 0, 1 + out.alert)
        notes = {"threshold": out.threshold, "threshold_version": out.version}
        return codes, out.why.astype(np.int64), notes

    def _named(self, codes: NDArray[np.int64]) -> Column:
        """The answers of these numbers."""
        if isinstance(self._decide, Bands):
            return TextColumn.of((None, *self._decide.thresholds)).take(codes)
        return where_known(codes > 1, codes > 0)

    def _noted(
        self,
        notes: Notes,
        fired: Sequence[NDArray[np.bool_]],
        by: NDArray[np.int64],
        severest: NDArray[np.bool_],
    ) -> Notes:
        """The notes of a prediction, in the order of its fields."""
        if self._rules or self._explore or notes:
            notes = {"decided_by": Coded(self._by, by), **notes}
        for name, shadow in (("rules", False), ("shadow_rules", True)):
            chosen = [n for n, rule in enumerate(self._rules) if rule.shadow == shadow]
            if chosen:
                names = [self._rules[n].name for n in chosen]
                notes = {**notes, name: _listed(names, [fired[n] for n in chosen])}
        if self._explore:
            share = self._explore
            code = np.where(severest & (by == BY_SCORE), 2, (by == BY_EXPLORING).astype(np.int64))
            notes = {**notes, "propensity": Coded((1.0, share, 1.0 - share), code)}
        return notes

    def _tally(self, codes: NDArray[np.int64], fired: Sequence[NDArray[np.bool_]]) -> Tally:
        counts = np.bincount(codes, minlength=len(self._answers) + 1)[1:].tolist()
        return Tally(
            dict(zip(map(_label, self._answers), counts, strict=True)),
            {
                rule.name: int(np.count_nonzero(own))
                for rule, own in zip(self._rules, fired, strict=True)
            },
        )


def label_values(pipeline: Pipeline) -> Mapping[str, Sequence[str]]:
    """The values that labels of metrics can have with this pipeline: decisions, and rules."""
    decided = () if pipeline.decide is None else answers(pipeline.decide)
    return {
        "decision": tuple(map(_label, decided)),
        "rule": tuple(rule.name for rule in pipeline.rules),
    }


def _label(answer: bool | str) -> str:
    return answer if isinstance(answer, str) else str(answer).lower()


def _listed(names: Sequence[str], fired: Sequence[NDArray[np.bool_]]) -> Coded:
    """For each event the names of the rules that fired."""
    bits = np.zeros(len(fired[0]), np.int64)
    for number, own in enumerate(fired):
        bits |= own.astype(np.int64) << number
    found, codes = np.unique(bits, return_inverse=True)
    values = [
        [name for number, name in enumerate(names) if one >> number & 1] for one in found.tolist()
    ]
    return Coded(values, codes)
