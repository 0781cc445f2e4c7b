"""All that a report tells of, computed once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from models.history import History, Point
from models.tallies import Tally
from streams.replaying import Summary
from streams.reported import Notes, Reported

if TYPE_CHECKING:
    from models.daily import Day
    from models.ranking import Ranking
    from streams.watching import Glance

__all__ = ["MAIN", "Facts", "Main"]


@dataclass(frozen=True, slots=True)
class Main:
    """The figure that says most of a kind of model.

    Attributes:
        key: of the figure.
        name: as people call it.
        floors: keys of what it has to be better than, and what these are.
        rises: whether more is better.
    """

    key: str
    name: str
    floors: Mapping[str, str]
    rises: bool = True


_RANKED = Main(
    "average_precision",
    "average precision",
    {"base_rate": "a random score", "no_change_average_precision": "the label before"},
)
MAIN: Mapping[str, Main] = {
    "binary": _RANKED,
    "anomaly": _RANKED,
    "multiclass": Main(
        "accuracy",
        "accuracy",
        {"majority_accuracy": "the likeliest class", "no_change_accuracy": "the label before"},
    ),
    "regression": Main(
        "mae", "mean absolute error", {"no_change_mae": "the label before"}, rises=False
    ),
}
"""By kind of model."""


@dataclass(frozen=True)
class Facts:
    """What was computed for a report.

    Attributes:
        pipeline: that took notes.
        summary: of its replay.
        notes: taken.
        about: what was read, in words.
        made_at: when, in words.
        live: the group as it is now; None where no group was asked.
    """

    pipeline: Reported
    summary: Summary
    notes: Notes
    about: str
    made_at: str
    live: Glance | None = None

    @property
    def history(self) -> History:
        """What is apart by time."""
        history = self.summary.quality.measurement
        assert isinstance(history, History)
        return history

    @property
    def main(self) -> Main:
        """The figure that says most."""
        return MAIN[self.pipeline.kind]

    @property
    def labelled(self) -> bool:
        """Whether any label was learned."""
        return bool(self.quality.get("labels"))

    @cached_property
    def quality(self) -> Mapping[str, float]:
        """All figures; see `models.quality.Quality.summary`."""
        return self.summary.quality.summary()

    @cached_property
    def segments(self) -> Mapping[tuple[str, str], Mapping[str, float]]:
        """The main ones by field and value."""
        return self.summary.quality.segments()

    @cached_property
    def points(self) -> list[Point]:
        """The time, a point each."""
        return self.history.points()

    @cached_property
    def judged(self) -> list[Point]:
        """Those with figures; without the time whose labels are still to come, if that is a part.

        Labels that come early are others than those that come late: mostly positives.
        """
        known = [point for point in self.points if point.figures]
        final = [point for point in known if point.complete]
        labels = sum(point.labels for point in final)
        return final if 2 * labels >= sum(point.labels for point in known) else known

    @cached_property
    def days(self) -> list[Day]:
        """Card precision by day."""
        return self.history.days()

    @cached_property
    def _then_and_now(self) -> tuple[Tally, Tally]:
        return self.history.then_and_now()

    @cached_property
    def then(self) -> Mapping[str, float]:
        """Figures of the middle third."""
        return self._then_and_now[0].measures(self.summary.quality.budget)

    @cached_property
    def now(self) -> Mapping[str, float]:
        """Figures of the newest third."""
        return self._then_and_now[1].measures(self.summary.quality.budget)

    @property
    def ranking(self) -> Ranking | None:
        """The newest third by score; None where labels are not yes or no."""
        return getattr(self._then_and_now[1], "ranking", None)

    @property
    def model(self) -> Mapping[str, float]:
        """What the models of all partitions tell of themselves, added up or the largest."""
        told: dict[str, float] = {}
        for learner in self.pipeline.learners.values():
            for name, value in learner.summary().items():
                if name in _ADDED:
                    told[name] = told.get(name, 0.0) + value
                else:
                    told[name] = max(told.get(name, value), value)
        return told

    def describe(self) -> Mapping[str, Any]:
        """What the pipeline is declared as."""
        return self.pipeline.describe()


_ADDED = frozenset({"learned", "skipped", "weights", "drift_alarms", "drift_swaps", "promotions"})
