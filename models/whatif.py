"""What would have happened at another threshold, or with another budget of alerts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.alerting import DAY
from models.alerts import Alerts
from models.column import Column
from models.hashing import texts

__all__ = ["Costs", "Past", "WhatIf", "what_if"]


class Past(NamedTuple):
    """n events whose label is known, in the order in which they were scored.

    Attributes:
        score: float64[n], NaN: none.
        micros: int64[n], event times since 1970.
        fraud: bool[n], the label.
        amount: float64[n], what each is worth; 1 where that is not known.
        keys: n, of which each has one alert a day in a budget; None: no such rule.
        stopped: bool[n], what was decided.
    """

    score: NDArray[np.float64]
    micros: NDArray[np.int64]
    fraud: NDArray[np.bool_]
    amount: NDArray[np.float64]
    keys: Column | None
    stopped: NDArray[np.bool_]


class Costs(NamedTuple):
    """What mistakes cost: `missed` for each unit of a missed fraud's amount, `alert` for each."""

    missed: float = 1.0
    alert: float = 0.0


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What one way to decide would have come to; frauds and money are those of all days together.

    Attributes:
        way: in words.
        alerts_a_day: decisions for the severest, in the mean.
        precision: share of frauds among them; NaN where there are none.
        recall: share of the frauds that are stopped.
        caught: amount of these.
        missed: amount of the others.
        good_per_fraud: good events stopped for each fraud that is; infinite where none is.
        cost: of alerts and of what is missed.
    """

    way: str
    alerts_a_day: float
    precision: float
    recall: float
    caught: float
    missed: float
    good_per_fraud: float
    cost: float


def what_if(
    past: Past,
    thresholds: Sequence[float],
    budgets: Sequence[int],
    costs: Costs,
    since: int,
) -> Iterator[WhatIf]:
    """What was decided, then what each threshold and each budget would have come to.

    A threshold stops each event that reaches it. A budget raises its alerts as `Alerts` does, from
    the first event on; an alert stops its event and what comes of its key later on that day.

    Args:
        past: from its first event on.
        thresholds: to be tried.
        budgets: alerts a day, to be tried.
        costs: of mistakes.
        since: only events at this time or later are counted, in microseconds.
    """
    yield _told("as declared", past, past.stopped, past.stopped, costs, since)
    for threshold in thresholds:
        stopped = past.score >= threshold
        yield _told(f"threshold {threshold:g}", past, stopped, stopped, costs, since)
    for budget in budgets:
        alert = Alerts(budget, 0.5).decide(past.score, past.keys, past.micros).alert
        yield _told(f"budget {budget}", past, alert, _followed(past, alert), costs, since)


def _followed(past: Past, alert: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where an event raises an alert, or its key has raised one on the same day."""
    if past.keys is None:
        return alert
    _, key = np.unique(np.array(texts(past.keys).tolist(), str), return_inverse=True)
    day = past.micros // DAY
    _, of = np.unique(np.stack([key, day]), axis=1, return_inverse=True)
    of = of.reshape(-1)
    first = np.full(len(alert), len(alert))
    raised = np.flatnonzero(alert)
    np.minimum.at(first, of[raised], raised)
    followed: NDArray[np.bool_] = np.arange(len(alert)) >= first[of]
    return followed


def _told(
    way: str,
    past: Past,
    alert: NDArray[np.bool_],
    stopped: NDArray[np.bool_],
    costs: Costs,
    since: int,
) -> WhatIf:
    counted = past.micros >= since
    alert, stopped, fraud = alert[counted], stopped[counted], past.fraud[counted]
    amount, days = past.amount[counted], len(np.unique(past.micros[counted] // DAY))
    alerts, hits = int(np.count_nonzero(alert)), int(np.count_nonzero(alert & fraud))
    frauds, caught = int(np.count_nonzero(fraud)), int(np.count_nonzero(stopped & fraud))
    missed = float(amount[fraud & ~stopped].sum())
    good = int(np.count_nonzero(stopped & ~fraud))
    return WhatIf(
        way,
        alerts / max(days, 1),
        hits / alerts if alerts else float("nan"),
        caught / frauds if frauds else float("nan"),
        float(amount[fraud & stopped].sum()),
        missed,
        good / caught if caught else float("inf"),
        costs.alert * alerts + costs.missed * missed,
    )
