"""What a pipeline is declared with: the topics it reads, and how a score becomes a decision."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.column import Column, where_known
from models.durations import seconds
from models.protocol import Target
from streams.errors import DeclarationError, nearest
from streams.schema import Event, Label

__all__ = ["Declaration", "Labels", "Threshold", "Topic", "check_topic", "duration"]


class Declared(type):
    """Makes the constructor of a declaration teach: unknown and missing arguments by name."""

    def __call__(cls, *given: Any, **named: Any) -> Any:
        signature = inspect.signature(cls.__init__)  # type: ignore[misc]  # of this very class
        _, *known = signature.parameters
        for name in named:
            if name not in known:
                near = nearest(name, known)
                raise DeclarationError(
                    f"{cls.__name__}({name}=…)",
                    f"{cls.__name__} knows {', '.join(known)}",
                    f"{cls.__name__}({near}=…)" if near else f"no {name}= at all",
                )
        try:
            signature.bind(None, *given, **named)
        except TypeError as error:
            empty = inspect.Parameter.empty
            needed = [name for name in known if signature.parameters[name].default is empty]
            raise DeclarationError(
                f"{cls.__name__}(…): {error}",
                f"{cls.__name__} takes {', '.join(known)}",
                f"{cls.__name__}({', '.join(f'{name}=…' for name in needed or known)})",
            ) from error
        return super().__call__(*given, **named)


class Declaration(metaclass=Declared):
    """A frozen dataclass that a user writes, checked as it is made."""


@dataclass(frozen=True)
class Topic(Declaration):
    """A topic of events.

    Attributes:
        name: of the Kafka topic.
        schema: what its records hold.
        id: the field that names an event; labels refer to it, predictions repeat it.
        key: the field whose text is the record's key, if it has one.
        time: the field with the event's time; None for the record's timestamp.
        pan_free: texts in which no card number is looked for, whatever their names and digits.
    """

    name: str
    schema: type[Event]
    id: str | None = None
    key: str | None = None
    time: str | None = None
    pan_free: Sequence[str] = ()

    def __post_init__(self) -> None:
        free = (self.pan_free,) if isinstance(self.pan_free, str) else tuple(self.pan_free)
        object.__setattr__(self, "pan_free", free)
        check_topic(self.name, f"Topic({self.name!r}, …)")


@dataclass(frozen=True)
class Labels(Declaration):
    """A topic of labels: each names an event, and comes when it comes.

    Label records are keyed as the events they belong to are, on as many partitions.

    Attributes:
        topic: name of the Kafka topic.
        schema: what its records hold; by default `streams.schema.Label`:
            ``{"id": "tx-1", "label": 1, "at": "2026-01-31T10:00:00Z"}``.
        id: its field that names the event.
        value: its field with the label.
        time: its field with the time the label became known; None for the record's timestamp.
        source: its field that names who says so, for a model that learns sources apart
            (`models.bysource.BySource`); None: all labels are alike.
        matures_after: an event that has no label by then ("7d", "12h", "30m", "90s" of event
            time) is learned as `otherwise`; None: an event without a label is not learned.
        otherwise: the label that silence means.
        correctable: so long after it happened an event whose label is corrected, or comes only
            after it has matured, is learned again with the new one; None: once is for ever.
        hold: learn each label only as its event matures: whatever was said, doubled, revised or
            retracted in whatever order until then makes no difference.
        remember: how many scored events a partition keeps while they wait for their label.
        propensity: field of the *events* with the probability with which this one could get a
            label at all, if that was left to chance; its label counts 1/propensity times.
    """

    topic: str
    schema: type[Event] = Label
    id: str = "id"
    value: str = "label"
    time: str | None = None
    source: str | None = None
    matures_after: str | None = None
    otherwise: Target | None = None
    correctable: str | None = None
    hold: bool = False
    remember: int = 1_000_000
    propensity: str | None = None

    def __post_init__(self) -> None:
        check_topic(self.topic, f"Labels({self.topic!r}, …)")
        if self.schema is Label and self.time is None:
            object.__setattr__(self, "time", "at")
        if self.matures_after is not None and self.otherwise is None:
            raise DeclarationError(
                f"Labels({self.topic!r}, matures_after={self.matures_after!r}) without otherwise=",
                "an event that stays without a label has to be learned as something",
                f"Labels({self.topic!r}, matures_after={self.matures_after!r}, otherwise=0)",
            )
        if self.otherwise is not None and self.matures_after is None:
            raise DeclarationError(
                f"Labels({self.topic!r}, otherwise={self.otherwise!r}) without matures_after=",
                "nothing says how long to wait before silence means that",
                f'Labels({self.topic!r}, matures_after="7d", otherwise={self.otherwise!r})',
            )
        if self.hold and self.matures_after is None:
            raise DeclarationError(
                f"Labels({self.topic!r}, hold=True) without matures_after=",
                "nothing says how long a label is held",
                f'Labels({self.topic!r}, hold=True, matures_after="7d", otherwise=0)',
            )
        if self.matures_after is not None:
            duration(self.matures_after, "matures_after")
        if self.correctable is not None and (self.corrections or -1.0) < 0:
            raise DeclarationError(
                f"Labels({self.topic!r}, correctable={self.correctable!r}, "
                f"matures_after={self.matures_after!r})",
                "what is learned as an event matures can be corrected only later than that",
                f'Labels({self.topic!r}, matures_after="7d", otherwise=0, correctable="60d")',
            )
        if type(self.remember) is not int or self.remember < 1:
            raise DeclarationError(
                f"Labels({self.topic!r}, remember={self.remember!r})",
                "it counts the scored events that wait for a label: at least one",
                f"Labels({self.topic!r}, remember=1_000_000)",
            )

    @property
    def maturity(self) -> float | None:
        """`matures_after` in seconds."""
        return None if self.matures_after is None else duration(self.matures_after, "matures_after")

    @property
    def corrections(self) -> float | None:
        """For how many seconds after it has matured an event is `correctable`."""
        if self.correctable is None or self.maturity is None:
            return None
        return duration(self.correctable, "correctable") - self.maturity


@dataclass(frozen=True)
class Threshold(Declaration):
    """Decide True for a score of at least `at`; no decision where there is no score."""

    at: float = 0.5

    def __post_init__(self) -> None:
        if isinstance(self.at, bool) or not (
            isinstance(self.at, int | float) and math.isfinite(self.at)
        ):
            raise DeclarationError(
                f"Threshold({self.at!r})",
                "a score is compared with it, so it is a finite number",
                "Threshold(0.5)",
            )

    def decisions(self, score: NDArray[np.float64]) -> Column:
        """The decision for each of float64[n] scores."""
        return where_known(score >= self.at, ~np.isnan(score))

    def codes(self, score: NDArray[np.float64]) -> NDArray[np.int64]:
        """The same as numbers: 1 for False, 2 for True, 0 where there is no score."""
        return np.where(np.isnan(score), 0, 1 + (score >= self.at))

    def describe(self) -> Mapping[str, object]:
        """What it decides by, for the fingerprint."""
        return {"rule": "threshold", "at": float(self.at)}


def duration(text: str, name: str) -> float:
    """Seconds in "7d", "12h", "30m" or "90s"."""
    found = seconds(text)
    if found is None:
        raise DeclarationError(
            f"{name}={text!r}",
            "a duration is a positive whole number and one of s, m, h, d",
            f'{name}="7d"',
        )
    return float(found)


def check_topic(name: str, given: str) -> None:
    """Refuse a name that Kafka would refuse; `given` is the declaration it stands in."""
    if not isinstance(name, str) or not re.fullmatch(r"[a-zA-Z0-9._-]{1,249}", name):
        legal = re.sub(r"[^a-zA-Z0-9._-]+", "-", str(name)).strip("-")[:249]
        raise DeclarationError(
            given,
            "Kafka allows letters, digits, '.', '_' and '-' in a topic's name, 249 of them",
            given.replace(repr(name), repr(legal or "payments")),
        )
    if name in {".", ".."}:
        raise DeclarationError(given, "Kafka reserves the name", given.replace(name, "payments"))
