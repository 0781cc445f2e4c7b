"""Public data sets, and what predicts their labels: our model, and River's untuned ones.

Our features, bins, steps and penalties are those with the highest ROC AUC over the first events of
each data set (docs/examples.md tells how many were tried). River's models are untuned, as they
come.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from numbers import Number as AnyNumber
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
from river.compose import SelectType
from river.forest import ARFClassifier
from river.linear_model import LogisticRegression
from river.preprocessing import FeatureHasher, OneHotEncoder, StandardScaler

from models import AdaGrad, Cross, Hashed, LabelRate, Logistic, Number, Pairwise, Text
from streams import Event, Pipeline, Topic

__all__ = ["DATASETS", "OURS", "DataSet"]

OURS = "ours"

Fields: TypeAlias = Mapping[str, type]
Contender: TypeAlias = Callable[[Fields], tuple[Sequence[Any], Any]]
"""Given names and types of the fields, the features and the model."""


@dataclass(frozen=True, slots=True)
class DataSet:
    """A Parquet file whose rows are events with their label.

    Attributes:
        name: for people.
        file: without its suffix.
        label: the column to predict.
        positive: its value in the positive class.
        contenders: what predicts it, by name; the first is ours.
        reached: by figure, the best of the untuned River models in an independent run.
        tuned: share of the events, from the first on, on which our choices were made.
        time: column with the time of an event.
        without: columns that are left out.
        skip: rows before the first event.
    """

    name: str
    file: str
    label: str
    positive: str | int
    contenders: Mapping[str, Contender]
    reached: Mapping[str, float]
    tuned: float = 0.3
    time: str | None = None
    without: Sequence[str] = ()
    skip: int = 0

    def read(self, folder: Path) -> tuple[type[Event], Sequence[bytes]]:
        """The schema of its events, with a field ``label``, and each of them as JSON."""
        from pyarrow import parquet

        table = parquet.read_table(folder / f"{self.file}.parquet").slice(self.skip)
        labels = [value == self.positive for value in table[self.label].to_pylist()]
        rows = table.drop_columns([self.label, *self.without]).to_pylist()
        types = {name: type(value) for name, value in rows[0].items()}
        schema = msgspec.defstruct(
            "Row", [*types.items(), ("label", bool)], bases=(Event,), frozen=True
        )
        encode = msgspec.json.Encoder().encode
        return schema, [encode(row | {"label": y}) for row, y in zip(rows, labels, strict=True)]

    def pipeline(self, contender: str, schema: type[Event]) -> Pipeline:
        """What one of the contenders is as a pipeline."""
        fields = msgspec.structs.fields(schema)
        types = {one.name: one.type for one in fields if one.name not in ("label", self.time)}
        features, model = self.contenders[contender](types)
        return Pipeline(
            name=self.name.replace("_", "-"),
            events=Topic(self.file, schema=schema, time=self.time),
            labels="label",
            features=features,
            model=model,
        )


_IDS = ("card_id", "store_id")


def _numbers(fields: Fields, scale: Any = None) -> list[Number]:
    numbers = (name for name, kind in fields.items() if kind in (int, float))
    return [Number(name, scale=scale) for name in numbers if name not in _IDS]


def _categories(fields: Fields) -> list[Hashed]:
    return [Hashed(name) for name, kind in fields.items() if kind in (str, bool)]


def scaled_logistic(fields: Fields) -> tuple[Sequence[Any], Any]:
    """River: the numbers, scaled."""
    return _numbers(fields), StandardScaler() | LogisticRegression()


def forest(fields: Fields) -> tuple[Sequence[Any], Any]:
    """River: the numbers, and ten trees that are grown anew where the stream drifts."""
    return _numbers(fields), ARFClassifier(seed=7)


def electricity(fields: Fields) -> tuple[Sequence[Any], Any]:
    """Bins, and steps so long that what is no longer true of a bin is unlearned at once."""
    model = Pairwise(bins=(4, 8, 16, 32), optimizer=AdaGrad(1.0), positives=0.5)
    return _numbers(fields), model


def payments(fields: Fields) -> tuple[Sequence[Any], Any]:
    """The fields, and what became of the card's and the store's payments up to a minute ago."""
    rates = [LabelRate(by=id_, over=["30d", "90d"], delay="1m", scale=None) for id_ in _IDS]
    model = Pairwise(optimizer=AdaGrad(0.05), l2=0.001, positives=0.5)
    return [*_numbers(fields), *_categories(fields), *rates], model


def payments_logistic(fields: Fields) -> tuple[Sequence[Any], Any]:
    """River: the same fields, numbers scaled and categories one-hot."""
    numbers = SelectType(AnyNumber) | StandardScaler()
    model = (numbers + (SelectType(str) | OneHotEncoder())) | LogisticRegression()
    return [*_numbers(fields), *_categories(fields)], model


def calls(fields: Fields) -> tuple[Sequence[Any], Any]:
    """All fields, all pairs of categories, and the date."""
    categories = _categories(fields)
    pairs = [Cross(one.field, other.field) for one, other in combinations(categories, 2)]
    features = [*_numbers(fields), *categories, *pairs, Cross("month", "day")]
    return features, Pairwise(l2=0.3, positives=0.5)


def hashed_logistic(fields: Fields) -> tuple[Sequence[Any], Any]:
    """River: every field as a category."""
    hashed = [Hashed(name) for name in fields]
    return hashed, FeatureHasher(2**18, seed=0) | LogisticRegression()


def addresses(fields: Fields) -> tuple[Sequence[Any], Any]:
    """All numbers, and the address by its words and runs of three to five letters."""
    features = [*_numbers(fields, "standard"), Text("url", ngrams=(3, 5))]
    return features, Logistic()


def messages(_: Fields) -> tuple[Sequence[Any], Any]:
    """The words."""
    return [Text("text")], Logistic(optimizer=AdaGrad(0.3))


def text_logistic(_: Fields) -> tuple[Sequence[Any], Any]:
    """River: the words and runs of three to five letters."""
    return [Text("text", ngrams=(3, 5), limit=1_024)], LogisticRegression()


DATASETS = (
    DataSet(
        name="elec2",
        file="elec2",
        label="class",
        positive=1,
        contenders={OURS: electricity, "River LR": scaled_logistic, "River ARF10": forest},
        reached={"accuracy": 0.856},
    ),
    DataSet(
        name="evalml_fraud",
        file="evalml_fraud",
        label="fraud",
        positive=1,
        contenders={
            OURS: payments,
            "River LR": payments_logistic,
            "River ARF10": forest,
        },
        reached={"auc": 0.841, "average_precision": 0.773},
        time="datetime",
        without=["id", "expiration_date"],
    ),
    DataSet(
        name="bank_marketing",
        file="bank_marketing",
        label="y",
        positive="yes",
        contenders={OURS: calls, "River LR": hashed_logistic},
        reached={"auc": 0.805},
        tuned=0.5,  # before, hardly anything tells who the few are that say yes
        without=["duration"],  # known only once the call is over, as the answer is
    ),
    DataSet(
        name="phishing",
        file="phishing_urls_hannousse",
        label="status",
        positive="phishing",
        contenders={OURS: addresses, "River LR": scaled_logistic},
        reached={"auc": 0.980},
    ),
    DataSet(
        name="sms_spam",
        file="sms_spam",
        label="label",
        positive="spam",
        contenders={OURS: messages, "River LR": text_logistic},
        reached={"auc": 0.972},
        skip=1,  # a header
    ),
)
