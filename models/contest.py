"""A champion whose scores are published, and challengers that score and learn beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from models.ledger import Costs, Ledger
from models.losses import Losses
from models.protocol import Plan, Scores, State
from models.sharing import Shared
from models.stretches import joined, stretches
from models.wagers import Duel

__all__ = ["INCUMBENT", "Contest", "ContestLearner", "Promotion"]

INCUMBENT = "incumbent"
"""What the champion that was declared is called among the others."""


class Contest(Shared):
    """Models that score and learn the same events; the scores of one of them are published.

    Each label is set against what every model had answered when its event came. A challenger
    whose losses are smaller than the champion's takes its place, by a test that may be looked at as
    often as one likes (`models.wagers.Duel`); the former champion goes on as a challenger. The
    chance that ever a model is promoted whose expected losses since the last promotion, summed, are
    not smaller than the champion's, is at most `promote`: it is divided among the challengers, and
    between the first promotion, the second and all later ones as 1/2, 1/6, 1/12, …

    Args:
        champion: whose scores are published at first; any of our models, or a River classifier or
            regressor.
        challengers: others by name; each costs as much as it would by itself.
        promote: the chance of a wrong promotion; None: never promote, only compare.
        look: labels between two decisions.
        patience: how many events a label is waited for.

    Raises:
        TypeError: one of them is no model.
        ValueError: they cannot read the same rows, a name cannot be used, or a number is out of
            its range.
    """

    def __init__(
        self,
        champion: Any,
        challengers: Mapping[str, Any],
        *,
        promote: float | None = 0.01,
        look: int = 1_000,
        patience: int = 1_000_000,
    ) -> None:
        if not challengers:
            raise ValueError(
                "Contest(challengers={}): there is nobody to compare the champion with; write "
                'challengers={"faster": Logistic(…)}, or use the model itself'
            )
        for name in challengers:
            if name in ("champion", INCUMBENT) or not re.fullmatch("[a-z][a-z0-9_]*", name):
                raise ValueError(
                    f"Contest(challengers={{{name!r}: …}}): a challenger's name is part of the "
                    "names of metrics, lower case letters, digits and underscores, and 'champion' "
                    f"and '{INCUMBENT}' are taken: write {{'faster': …}}"
                )
        super().__init__({"champion": champion, **challengers})
        if promote is not None and not 0 < promote < 1:
            raise ValueError(
                f"Contest(promote={promote!r}): it is the chance of a wrong promotion; write "
                "promote=0.01, or None to compare only"
            )
        for what, number, usual in (("look", look, 1_000), ("patience", patience, 1_000_000)):
            if not (type(number) is int and number >= 1):
                raise ValueError(
                    f"Contest({what}={number!r}): it counts from 1; write {what}={usual:_}"
                )
        Losses(self.kind, "Contest")
        self.names = (INCUMBENT, *challengers)
        self.promote = promote
        self.look = look
        self.patience = patience

    def describe(self) -> Mapping[str, Any]:
        """All models, and every number."""
        described = zip(self.names, self.models.values(), strict=True)
        return {
            "model": "Contest",
            "contestants": {name: dict(model.describe()) for name, model in described},
            "promote": self.promote,
            "look": self.look,
            "patience": self.patience,
        }

    def new(self, seed: int) -> ContestLearner:
        """A fresh learner; the declared champion publishes."""
        return ContestLearner(self, seed)

    def needed(self, promotions: int) -> float:
        """The e-value that is needed for the next promotion."""
        if self.promote is None:
            return float("inf")
        era = promotions + 1
        return era * (era + 1) * (len(self.names) - 1) / self.promote


class Promotion(NamedTuple):
    """One model took another's place.

    Attributes:
        learned: labels until then.
        name: who is champion now.
        former: who was.
        evidence: the e-value.
        judged: events since the promotion before, on which it rests.
    """

    learned: int
    name: str
    former: str
    evidence: float
    judged: int


class ContestLearner:
    """A `Contest` at work: implements `models.protocol.Learner` over the rows of its models.

    Attributes:
        champion: place of the model that publishes among `Contest.names`.
        promotions: all there were.
    """

    def __init__(self, model: Contest, seed: int) -> None:
        self.kind = model.kind
        self._model = model
        self._learners = [one.new(seed) for one in model.models.values()]
        self.champion = 0
        self.promotions: list[Promotion] = []
        self._left = model.look
        self._learned = self._judged = 0
        self._losses = Losses(model.kind, "Contest")
        self._ledger = Ledger(self._losses, len(model.names), model.patience)
        self._begin()

    def _begin(self) -> None:
        """From here on all are compared with the champion of now."""
        self._judged = 0
        self._duels = [Duel(self._losses.bound) for _ in self._learners]

    @property
    def published(self) -> Any:
        """The learner whose scores are published."""
        return self._learners[self.champion]

    @property
    def memory(self) -> int | None:
        """Bytes of all weight tables; None where a model has none."""
        sizes = [getattr(learner, "memory", None) for learner in self._learners]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    def run(self, plan: Plan, rows: Any) -> Scores:
        """Carry out the plan, strictly in order; answer its `SCORE` steps."""
        parts = []
        for part in stretches(plan, self._left, self._model.look):
            answers: list[Scores] = [learner.run(part, rows) for learner in self._learners]
            parts.append(answers[self.champion])
            labels = self._losses.labels(part)
            self._judge(self._ledger.take(part, answers, labels))
            self._learned += len(labels)
            self._left -= len(labels)
            if not self._left:
                self._left = self._model.look
                self._decide()
        return joined(parts)

    def _judge(self, costs: Costs) -> None:
        if not len(costs.loss):
            return
        champion = costs.loss[:, self.champion]
        for place, duel in enumerate(self._duels):
            if place != self.champion:
                duel.take(champion, costs.loss[:, place])
        self._judged += len(champion)

    def _decide(self) -> None:
        """Promote the challenger with the most evidence, if that is enough."""
        best = max(range(len(self._duels)), key=self._evidence)
        if self._evidence(best) < self._model.needed(len(self.promotions)):
            return
        names = self._model.names
        self.promotions.append(
            Promotion(
                self._learned,
                names[best],
                names[self.champion],
                self._evidence(best),
                self._judged,
            )
        )
        self.champion = best
        self._begin()

    def _evidence(self, place: int) -> float:
        return 0.0 if place == self.champion else self._duels[place].evidence

    def state(self) -> State:
        """All learners, the answers that wait for their label, and the evidence."""
        return {
            "learners": [learner.state() for learner in self._learners],
            "champion": self.champion,
            "promotions": [list(one) for one in self.promotions],
            "counts": [self._left, self._learned, self._judged],
            "losses": self._losses.state(),
            "ledger": self._ledger.state(),
            "duels": [duel.state() for duel in self._duels],
        }

    def restore(self, state: State) -> None:
        """Take over a state made by `state` of a learner with the same declaration."""
        for learner, its in zip(self._learners, state["learners"], strict=True):
            learner.restore(its)
        self.champion = state["champion"]
        self.promotions = [Promotion(*one) for one in state["promotions"]]
        self._left, self._learned, self._judged = state["counts"]
        self._losses.restore(state["losses"])
        self._ledger.restore(state["ledger"])
        for duel, its in zip(self._duels, state["duels"], strict=True):
            duel.restore(its)

    def summary(self) -> Mapping[str, float]:
        """The champion's, and how the contest stands.

        ``champion_…`` is 1 for who publishes. Since the last promotion: ``evidence_…``, the e-value
        of each other; ``gain_…``, by how much less an event cost it; ``judged``, how many events
        that rests on. ``promotions`` there were.
        """
        summary = {
            **self.published.summary(),
            "promotions": float(len(self.promotions)),
            "judged": float(self._judged),
        }
        for place, name in enumerate(self._model.names):
            duel = self._duels[place]
            summary[f"champion_{name}"] = float(place == self.champion)
            summary[f"evidence_{name}"] = self._evidence(place)
            summary[f"gain_{name}"] = duel.gained / max(self._judged, 1)
        return summary
