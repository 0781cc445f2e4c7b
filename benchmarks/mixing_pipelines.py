"""The pipelines that mix, by data set: a hashed logistic regression on crossed categories.

Numbers come as the number of their bin, so that all pairs of fields can be crossed, and what is to
be learned is in weights alone: nothing else differs between one learner and eight.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import combinations
from typing import Any

import msgspec

from examples.fraud import Chargeback, Payment
from models import AdaGrad, Cross, Hashed, Logistic, Mixing, Number, Window
from streams import Event, Labels, Pipeline, Topic

__all__ = ["CASES", "DELAY", "Case", "declared"]

DELAY = "7d"
"""After which silence means that a payment was genuine."""

_BITS = 18
_SMALL: Mapping[str, Any] = {
    "rate": 200,
    "divergence": 0.005,
    "look_every": 1,
    "flags": ("--commit-interval-ms", "10", "--fetch-wait-ms", "5"),
}
"""Of a file that is over in seconds, however it is fed: each row counts, and is told of at once."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is learned from a data set.

    Attributes:
        numbers: fields that come as bins.
        categories: fields that come as they are; ids among them are not crossed.
        ids: fields of `categories` with many values.
        steps: AdaGrad's, chosen on rows for choices: ``python -m benchmarks.mixing --choose``.
        rate: events a second that it is fed with.
        divergence, look_every: as `models.mixing.Mixing` has them; less for a file of few rows.
        flags: of its workers; a few rows a second are told of at once.
        delayed: whether labels come by a topic of their own; else they are in the event.
    """

    numbers: Sequence[str] = ()
    categories: Mapping[str, Any] = field(default_factory=dict)
    ids: Sequence[str] = ()
    steps: float
    rate: float
    divergence: float = Mixing().divergence
    look_every: int = Mixing().look_every
    flags: Sequence[str] = ()
    delayed: bool = False

    def schema(self) -> type[Event]:
        """An event: its id and its fields, and the label or the date at which it happened."""
        given = [("id", str), *((name, int) for name in self.numbers), *self.categories.items()]
        given.append(("at", datetime) if self.delayed else ("label", bool))
        return msgspec.defstruct("Row", given, bases=(Event,), frozen=True)

    def topics(self, name: str) -> dict[str, Any]:
        """Where its events and labels come from."""
        at = "at" if self.delayed else None
        events = Topic(f"{name}.events", schema=self.schema(), id="id", time=at)
        labels = Labels(f"{name}.labels", matures_after=DELAY, otherwise=0)
        return {"events": events, "labels": labels if self.delayed else "label"}

    def features(self) -> list[Any]:
        """All fields, and all pairs of those that are no ids."""
        names = [*self.numbers, *self.categories]
        crossed = combinations([name for name in names if name not in self.ids], 2)
        return [*map(Hashed, names), *(Cross(*pair) for pair in crossed)]


@dataclass(frozen=True, kw_only=True)
class Simulated(Case):
    """The simulator's payments, as it sends them; what is kept of a card is kept by the key."""

    delayed: bool = True

    def schema(self) -> type[Event]:
        """That of the example."""
        return Payment

    def topics(self, name: str) -> dict[str, Any]:
        """Where payments and chargebacks come from."""
        found = {"id": "tx_id", "time": "at"}
        payments = Topic(f"{name}.events", schema=Payment, key="customer_id", **found)
        silence = {"matures_after": DELAY, "otherwise": 0}
        chargebacks = {"schema": Chargeback, "value": "fraud", **found, **silence}
        return {"events": payments, "labels": Labels(f"{name}.labels", **chargebacks)}

    def features(self) -> list[Any]:
        """As those of a card payment anywhere."""
        ids = ("terminal_id", "customer_id", "device_id")
        pairs = combinations(("channel", "category", "country"), 2)
        card = Window(
            "amount", by="customer_id", over=["1d", "7d", "30d"], stats=["count", "ratio"]
        )
        return [Number("amount", scale="log"), *map(Hashed, ids), *(Cross(*p) for p in pairs), card]


def _stretches(name: str, *kinds: str) -> list[str]:
    return [f"{name}_{kind}{days}" for days in (1, 7, 30) for kind in kinds]


CASES: Mapping[str, Case] = {
    "handbook": Case(
        numbers=(
            *("amount", "weekend", "night"),
            *_stretches("card", "n", "mean"),
            *_stretches("shop", "n", "risk"),
            *("times7", "times30"),
        ),
        steps=0.02,
        rate=10_000,
        delayed=True,
    ),
    "simulator": Simulated(steps=0.2, rate=2_000, divergence=0.02, look_every=64),
    "elec2": Case(
        numbers=("period", "nswprice", "nswdemand", "vicprice", "vicdemand", "transfer"),
        steps=0.5,
        **_SMALL,
    ),
    "bank_marketing": Case(
        numbers=("age", "balance", "day", "campaign", "pdays", "previous"),
        categories=dict.fromkeys(
            (
                *("job", "marital", "education", "default", "housing", "loan", "contact"),
                *("month", "poutcome"),
            ),
            str,
        ),
        steps=0.01,
        **_SMALL,
    ),
    "phishing": Case(
        numbers=(
            *("length_url", "length_hostname", "nb_dots", "nb_hyphens", "nb_slash", "nb_www"),
            *("ratio_digits_url", "ratio_digits_host", "phish_hints", "nb_hyperlinks"),
            *("ratio_intHyperlinks", "ratio_extHyperlinks", "domain_age", "web_traffic"),
            *("google_index", "page_rank"),
        ),
        steps=0.02,
        **_SMALL,
    ),
    "evalml_fraud": Case(
        numbers=("amount", "lat", "lng"),
        categories={
            "customer_present": bool,
            "provider": str,
            **dict.fromkeys(("currency", "region"), str),
            "country": str | None,
            **dict.fromkeys(("card_id", "store_id"), int),
        },
        ids=("currency", "region", "card_id", "store_id"),
        steps=0.05,
        rate=1_000,
        divergence=0.02,
        look_every=16,
    ),
}
"""By name, in the order in which they are measured."""


def declared(
    case: str,
    name: str,
    how: str | None = None,
    divergence: float | None = None,
    look_every: int | None = None,
    steps: float | None = None,
) -> Pipeline:
    """The pipeline of a data set, on topics of its own.

    Args:
        case: of `CASES`.
        name: of the pipeline.
        how: its learners mix; None: each learns by itself.
        divergence, look_every: of `Mixing`, other than usual.
        steps: other than chosen.
    """
    one = CASES[case]
    return Pipeline(
        name=name,
        **one.topics(name),
        features=one.features(),
        model=Logistic(bits=_BITS, optimizer=AdaGrad(one.steps if steps is None else steps)),
        mixing=None
        if how is None
        else Mixing(
            one.divergence if divergence is None else divergence, look_every or one.look_every, how
        ),
    )
