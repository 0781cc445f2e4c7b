"""A shop's pipelines, of every kind that a task can have, and a visit to it."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
from river import anomaly, compose, linear_model, preprocessing, tree

from models import (
    FTRL,
    SGD,
    AdaGrad,
    BySource,
    Clock,
    Cross,
    Hashed,
    LabelRate,
    Linear,
    Logistic,
    Number,
    Pairwise,
    Spikes,
    Text,
    Undersampled,
    Weighted,
    Window,
)
from streams import (
    AlertBudget,
    Bands,
    Event,
    Field,
    Labels,
    Measure,
    Pipeline,
    Rule,
    Score,
    Threshold,
    Topic,
)

__all__ = ["BEGIN", "NUMBERS", "PIPELINES", "WEIGHED", "Chance", "Sale", "Visit", "shop", "visit"]

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


class Visit(Event, frozen=True):
    id: str
    page: Literal["boots", "hats", "coats"]
    seconds: float
    said: str
    at: datetime
    bought: bool | None = None


class Sale(Event, frozen=True):
    id: str
    bought: Literal[0, 1]
    at: datetime


class Verdict(Sale, frozen=True):
    by: str
    bought: Literal[0, 1, None]


EVENTS = Topic("visits", schema=Visit, id="id", time="at")
FEATURES = [
    Hashed("page"),
    Number("seconds", scale="standard"),
    Cross("page", "said"),
    Text("said"),
    Clock("at", ["hour", "weekday"]),
]
WINDOWS = [
    Window(
        "seconds", by="page", over=["10m", "1h"], stats=["mean", "std", "max", "ratio"],
        late="20m", remember=8, scale="standard",
    ),
    Window("said", by="page", over=["30m"], stats=["distinct", "since_last"]),
]  # fmt: skip
RATES = [
    LabelRate(by="page", over=["20m", "1h"], delay="1h", scale=None),
    LabelRate(by="said", over=["90m"], delay="70m", stats=["positives"], remember=3),
    Spikes("seconds", by="page", above=1.5, usual="90m", over=["30m", "1h"], late="20m"),
]
RULES = [
    Rule("never", Field("seconds") > 1e5, then=True),
    Rule("boots", (Field("page") == "boots") & (Score() > 0.45), then=False),
    Rule("words", Field("said").isin(["two", "größer als"]), then=True, shadow=True),
]
MEASURE = Measure(per_day=2, one_per="page", days=3, amount="seconds", by=["page", "said"])
NUMBERS = [Number("seconds"), Number("seconds", scale="log", name="log")]


def shop(**changed: Any) -> Pipeline:
    """A pipeline whose labels come by a topic of their own and mature after an hour."""
    own: dict[str, Any] = {
        "name": "shop",
        "events": EVENTS,
        "labels": Labels(
            "sales", schema=Sale, value="bought", time="at", matures_after="1h", otherwise=0,
            remember=12,
        ),
        "features": FEATURES,
        "model": Logistic(bits=6),
    }  # fmt: skip
    return Pipeline(**{**own, **changed})


VERDICTS = Labels(
    "sales", schema=Verdict, value="bought", time="at", source="by",
    matures_after="1h", otherwise=0, remember=12,
)  # fmt: skip


class Chance(Visit, frozen=True):
    let_through: float | None = None


WEIGHED = Labels(
    "sales", schema=Sale, value="bought", time="at", matures_after="1h", otherwise=0,
    propensity="let_through", remember=12,
)  # fmt: skip

CORRECTED = Labels(
    "sales", schema=Sale, value="bought", time="at",
    matures_after="30m", otherwise=0, correctable="1h", remember=12,
)  # fmt: skip

PIPELINES = {
    "corrected": shop(labels=CORRECTED),
    "weighed": shop(
        events=Topic("visits", schema=Chance, id="id", time="at"),
        labels=WEIGHED,
        model=Weighted(Undersampled(Logistic(bits=6), keep=0.5), {1: 3.0}),
    ),
    "corrected-sources": shop(
        labels=dataclasses.replace(VERDICTS, matures_after="30m", correctable="1h", hold=True),
        model=BySource({"desk": Logistic(bits=6), "till": Logistic(bits=6)}, "till"),
    ),
    "sources": shop(
        labels=VERDICTS,
        model=BySource(
            {"desk": Logistic(bits=6), "till": Logistic(bits=6, optimizer=SGD(0.1))},
            "till",
            weights={"desk": 2.0},
            average="log-odds",
        ),
    ),
    "river-sources": shop(
        labels=VERDICTS,
        features=NUMBERS,
        model=BySource(
            {"till": tree.HoeffdingTreeClassifier(), "desk": linear_model.LogisticRegression()},
            "till",
        ),
    ),
    "sgd": shop(model=Logistic(bits=6, optimizer=SGD(0.1), l2=1e-3)),
    "adagrad": shop(model=Logistic(bits=6, optimizer=AdaGrad(0.1), l1=1e-3)),
    "ftrl": shop(model=Logistic(bits=6, optimizer=FTRL(alpha=0.1, l1=1e-2)), decide=Threshold(0.4)),
    "budget": shop(decide=AlertBudget(per_day=3, one_per="page"), rules=RULES, explore=0.3),
    "bands": shop(
        labels="bought",
        decide=Bands({"approve": 0, "ask": 0.4, "decline": 0.5}),
        rules=[Rule("nobody", Field("said") == "", then="decline")],
        explore=0.3,
    ),
    "windows": shop(features=WINDOWS),
    "measured": shop(decide=Threshold(0.4), measure=MEASURE),
    "measured-inside": shop(labels="bought", measure=MEASURE),
    "reasons": shop(decide=Threshold(0.5), reasons=2),
    "pairs": shop(
        features=[Number("seconds"), *RATES, Hashed("page")],
        model=Pairwise((3, 5), AdaGrad(0.1), bits=6),
        decide=Threshold(0.4),
        reasons=3,
    ),
    "reasons-at-once": shop(labels="bought", decide=Threshold(0.4), reasons=9),
    "river-windows": shop(
        features=WINDOWS[:1],
        model=preprocessing.StandardScaler() | linear_model.LogisticRegression(),
    ),
    "label-rates": shop(features=RATES),
    "river-label-rates": shop(
        features=RATES,
        model=preprocessing.StandardScaler() | linear_model.LogisticRegression(),
    ),
    "label-rates-of-labels-in-the-event": shop(labels="bought", features=RATES),
    "label-in-the-event": shop(labels="bought"),
    "regression": shop(labels="seconds", features=[Hashed("page")], model=Linear(bits=6)),
    "river-tree": shop(
        model=tree.HoeffdingTreeClassifier(grace_period=2, delta=0.4, leaf_prediction="nba"),
        features=NUMBERS,
    ),
    "river-pipeline": shop(
        model=preprocessing.StandardScaler() | linear_model.LogisticRegression(), features=NUMBERS
    ),
    "river-one-hot": shop(
        model=compose.Select("page")
        | preprocessing.OneHotEncoder()
        | linear_model.LogisticRegression(),
        features=None,
    ),
    "anomaly": shop(
        labels=None, model=anomaly.HalfSpaceTrees(n_trees=3, height=3, seed=1), features=NUMBERS
    ),
}


def visit(**changed: Any) -> bytes:
    own = {"id": "v", "page": "boots", "seconds": 1.5, "said": "hello", "at": BEGIN}
    return msgspec.json.encode({**own, **changed})
