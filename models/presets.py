"""Features and a model that go well together: what we would begin with ourselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

from models.feature import Feature
from models.features import Number
from models.labelrate import LabelRate
from models.pairwise import Pairwise
from models.spikes import Spikes
from models.window import Window

__all__ = ["Recipe", "fraud"]


class Recipe(TypedDict):
    """Two of a pipeline's parts: ``Pipeline(…, **fraud(…))``."""

    features: list[Feature]
    model: Any


def fraud(
    *,
    amount: str,
    by: str,
    at: str | Sequence[str] = (),
    delay: str = "7d",
    shared: bool = False,
) -> Recipe:
    """For payments, a fraud in a hundred or fewer, whose labels come days late.

    What a card spends of late and whether that is like it, how often it spent far more than usual,
    and what became of the payments at the same terminal or merchant, as far as it is known by now;
    and a model that learns steps in them and pairs of them. Which windows, bins and steps were
    chosen on the twelve weeks of the *Fraud Detection Handbook*'s payments that come before its
    test week (docs/fraud.md).

    Further features can stand beside these: ``[*recipe["features"], Hashed("country")]``.

    Args:
        amount: the field with the amount paid.
        by: the field that says who pays: a card, an account or a customer.
        at: fields that say where: a terminal, a merchant, a device.
        delay: after which a payment that nobody complains of is genuine, `Labels.matures_after`.
        shared: what is known of a place is of the payments of all partitions; see
            `models.sliding.Sliding`. `by` is to be the topic's key.
    """
    places = (at,) if isinstance(at, str) else at
    features: list[Feature] = [
        Number(amount),
        Window(amount, by=by, over=["7d", "30d"], stats=["ratio"], scale=None),
        Spikes(amount, by=by, above=3.0, usual="60d", over=["3d", "14d"], scale=None),
    ]
    features += [
        LabelRate(
            by=place,
            over=["1d", "7d", "30d"],
            delay=delay,
            stats=["count", "positives", "rate", "since_positive", "streak"],
            scale=None,
            shared=shared,
        )
        for place in places
    ]
    return {"features": features, "model": Pairwise(l2=0.3, l2_alone=0.001, prior=0.01)}
