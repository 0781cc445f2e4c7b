"""How the fraud preset was chosen: it and its alternatives, on the twelve weeks before the test.

``python -m benchmarks.fraud --choose`` has the task of one partition answer the payments of the
file up to the test week, without Kafka. That week and what comes after it are never read.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import answering
from benchmarks.fraud_pipelines import on_partitions, preset
from benchmarks.fraud_records import labels, payments
from benchmarks.handbook import EARLIER, TEST_WEEK, Figures, Payments, mean_figures, measured
from models import AdaGrad, Averaged, LabelRate, Pairwise, Window
from models.feature import Feature
from models.labelrate import LabelStat
from models.window import Stat as WindowStat
from streams.chunks import Chunk, first
from streams.pipeline import Pipeline

__all__ = ["ALTERNATIVES", "alternatives", "answered", "tied"]


def _features(
    *, spikes: bool = True, card: Sequence[WindowStat] = (), **rates: Any
) -> list[Feature]:
    """The preset's, with other figures of cards or labels, or without spikes."""
    usual = {"by": "terminal_id", "over": ["1d", "7d", "30d"], "delay": "7d", "scale": None}
    usual |= {"stats": ["count", "positives", "rate", "since_positive", "streak"]}
    amount, window, spiked, _ = preset()["features"]
    if card:
        assert isinstance(window, Window)
        window = dataclasses.replace(window, stats=card)
    return [amount, window, *([spiked] if spikes else []), LabelRate(**{**usual, **rates})]


def _model(**changed: Any) -> Pairwise:
    """The preset's, with other settings."""
    model: Pairwise = preset()["model"].clone(changed)
    return model


_COUNTS: Sequence[LabelStat] = ("count", "positives", "rate")
_FIVE = ["1d", "3d", "7d", "14d", "30d"]
_BEFORE = _features(card=("count", "mean", "ratio"), stats=_COUNTS, over=_FIVE)

ALTERNATIVES: Mapping[str, Mapping[str, Any]] = {
    "the preset": {},
    "what it was before": {"features": _BEFORE, "model": Pairwise()},
    "what it was before, a model as now": {"features": _BEFORE},
    "the model it had before": {"model": Pairwise()},
    "the intercept begins at one half": {"model": _model(prior=0.5)},
    "single numbers forget as pairs do": {"model": _model(l2_alone=0.3)},
    "l2 of single numbers 0.01": {"model": _model(l2_alone=0.01)},
    "l2 of pairs 0.1": {"model": _model(l2=0.1)},
    "AdaGrad 0.01": {"model": _model(optimizer=AdaGrad(0.01))},
    "AdaGrad 0.04": {"model": _model(optimizer=AdaGrad(0.04))},
    "no streaks": {"features": _features(stats=_COUNTS)},
    "terminals' windows 1, 3, 7, 14, 30 d": {"features": _features(over=_FIVE)},
    "no spikes": {"features": _features(spikes=False)},
    "plain quantiles": {"model": _model(positives=0.0)},
    "6 bins": {"model": _model(bins=(6,))},
    "24 bins": {"model": _model(bins=(24,))},
    "12 and 24 bins": {"model": _model(bins=(12, 24))},
    "ensemble: 6 bins, and 24 learned faster": {
        "model": Averaged(
            {"coarse": _model(bins=(6,)), "fine": _model(bins=(24,), optimizer=AdaGrad(0.04))}
        ),
    },
}
"""What differs from the preset, by name."""

_TIED = 0.8


def alternatives(file: Path, known: Payments, only: str = "") -> Iterator[tuple[str, Figures]]:
    """Of each whose name has `only` in it, the mean over the twelve weeks."""
    before = known.before(TEST_WEEK)
    records = list(first(payments(file), len(before)))
    for name, changed in ALTERNATIVES.items():
        if only in name:
            score = answered(on_partitions(1, **changed), records, before)
            yield name, mean_figures(before, score)
            if not changed:
                yield (
                    f"{name}, its lowest {_TIED:.0%} tied",
                    mean_figures(before, tied(before, score)),
                )


def tied(known: Payments, score: NDArray[np.float64]) -> NDArray[np.float64]:
    """The scores without any order among the lowest of each week: what that order is worth."""
    without = score.copy()
    for week in EARLIER:
        places = measured(known, week)
        without[places] = np.maximum(score[places], np.quantile(score[places], _TIED))
    return without


def answered(pipeline: Pipeline, records: Iterable[Chunk], known: Payments) -> NDArray[np.float64]:
    """Scores of the payments that are `known`, and come as `records`, by a task without Kafka."""
    return answering.answered(pipeline, records, [labels(known)])
