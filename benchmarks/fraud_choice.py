"""How the fraud preset was chosen: it and its alternatives, on the twelve weeks before the test.

``python -m benchmarks.fraud --choose`` has the task of one partition answer the payments of the
file up to the test week, without Kafka. That week and what comes after it are never read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import answering
from benchmarks.fraud_pipelines import on_partitions, preset
from benchmarks.fraud_records import labels, payments
from benchmarks.handbook import EARLIER, TEST_WEEK, Figures, Payments, mean_figures, measured
from models import AdaGrad, Averaged, LabelRate, Pairwise, Spikes
from models.feature import Feature
from streams.chunks import Chunk, first
from streams.pipeline import Pipeline

__all__ = ["ALTERNATIVES", "alternatives", "answered", "tied"]


def _features(*, spikes: bool = True, **rates: Any) -> list[Feature]:
    """The preset's, with other windows of labels or without spikes."""
    usual = {"by": "terminal_id", "over": ["1d", "3d", "7d", "14d", "30d"], "delay": "7d"}
    usual |= {"stats": ["count", "positives", "rate"], "scale": None}
    kept = [one for one in preset()["features"] if not isinstance(one, LabelRate)]
    kept = [one for one in kept if spikes or not isinstance(one, Spikes)]
    return [*kept, LabelRate(**{**usual, **rates})]


_SLOW = Pairwise((6,), AdaGrad(0.01), l2=0.03)
_SLOWER = Pairwise((6,), AdaGrad(0.005), l2=0.01)
_MIDDLE, _FINE = Pairwise((12,)), Pairwise((24,))

ALTERNATIVES: Mapping[str, Mapping[str, Any]] = {
    "the preset": {},
    "plain quantiles": {"model": Pairwise(positives=0.0)},
    "frauds half of the quantiles' weight": {"model": Pairwise(positives=0.5)},
    "6 bins": {"model": Pairwise(bins=(6,))},
    "24 bins": {"model": Pairwise(bins=(24,))},
    "12 and 24 bins": {"model": Pairwise(bins=(12, 24))},
    "AdaGrad 0.05": {"model": Pairwise(optimizer=AdaGrad(0.05))},
    "l2 0.03": {"model": Pairwise(l2=0.03)},
    "no spikes": {"features": _features(spikes=False)},
    "no counts at terminals": {"features": _features(stats=["positives", "rate"])},
    "terminals' windows 1, 7, 30 d": {"features": _features(over=["1d", "7d", "30d"])},
    "ensemble: 6 bins learned slowly, 24": {"model": Averaged({"slow": _SLOW, "fine": _FINE})},
    "ensemble: … more slowly": {"model": Averaged({"slow": _SLOWER, "fine": _FINE})},
    "ensemble: … that twice, 12, 24": {
        "model": Averaged(
            {"slow": _SLOWER, "middle": _MIDDLE, "fine": _FINE}, weights={"slow": 2.0}
        ),
    },
    "ensemble: 4 windows, slowly × 1.5, 12, 24": {
        "features": _features(over=["1d", "3d", "7d", "30d"]),
        "model": Averaged({"slow": _SLOW, "middle": _MIDDLE, "fine": _FINE}, weights={"slow": 1.5}),
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
