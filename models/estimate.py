"""How well a model is doing on events that nobody has judged yet, if its calibration holds.

Confidence-based performance estimation, as NannyML calls it: an event of calibrated probability p
counts as p positives and 1 - p negatives. It sees a change of the mix of events, and of the scores;
a change of what a score means it cannot see before labels show it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from models.ranking import area, average_precision

__all__ = ["estimated"]


def estimated(events: NDArray[np.int64], curve: NDArray[np.float64]) -> dict[str, float]:
    """Expected figures of unlabelled events by name; NaN where one is not defined.

    Args:
        events: int64[3, bins], how many have a score in each bin: those without a decision, those
            decided no, those decided yes.
        curve: float64[bins], see `models.calibration.Calibration.curve`.
    """
    total = events.sum(axis=0)
    positive = total * curve
    _, quiet, alerts = events.astype(np.float64)
    caught, missed = float(alerts @ curve), float(quiet @ curve)
    figures = {
        "estimated_events": float(total.sum()),
        "estimated_base_rate": _ratio(float(positive.sum()), float(total.sum())),
        "estimated_precision": _ratio(caught, float(alerts.sum())),
        "estimated_recall": _ratio(caught, caught + missed),
        "estimated_auc": math.nan,
        "estimated_average_precision": math.nan,
    }
    if total.any() and not np.isnan(curve[0]):
        figures["estimated_auc"] = area(positive, total - positive)
        figures["estimated_average_precision"] = average_precision(positive, total - positive)
    return figures


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan
