"""What a pipeline measures besides the figures that every pipeline has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models.protocol import Kind
from streams.declare import Declaration, Labels, Topic
from streams.errors import DeclarationError
from streams.fields import ID_TYPES, field_for
from streams.schema import Field, FieldType

if TYPE_CHECKING:
    from models.measurement import Measurement

__all__ = ["Measure", "can_be_estimated"]

_MOST_FIELDS = 5
_AMOUNTS: tuple[FieldType, ...] = (float, int)
_TOLD_APART: tuple[FieldType, ...] = (str, int, bool)


@dataclass(frozen=True)
class Measure(Declaration):
    """What to measure on labels, and what to note of each event for it.

    No score depends on it: it can be changed at any restart, and begins anew then.

    Attributes:
        per_day: how many cards, or whatever `one_per` names, can be looked into a day, in all
            partitions together: measures card precision@k, see `models.daily`.
        one_per: the field that names what is alerted once a day; None for the event itself.
        days: how many days these figures look back on.
        amount: the field with what an event is worth: measures money caught and missed.
        by: fields whose values are told apart, such as a country; twenty values of each.
    """

    per_day: int | None = None
    one_per: str | None = None
    days: int = 7
    amount: str | None = None
    by: Sequence[str] = ()

    def __post_init__(self) -> None:
        if isinstance(self.by, str) or not isinstance(self.by, Sequence):
            raise DeclarationError(
                f"Measure(by={self.by!r})", "fields stand in a list", f"Measure(by=[{self.by!r}])"
            )
        object.__setattr__(self, "by", tuple(self.by))
        if len(self.by) > _MOST_FIELDS or len(set(self.by)) < len(self.by):
            raise DeclarationError(
                f"Measure(by={list(self.by)!r})",
                f"each value of each field has figures of its own: {_MOST_FIELDS} fields at most, "
                "each once",
                f"Measure(by={list(dict.fromkeys(self.by))[:_MOST_FIELDS]!r})",
            )
        for name in ("per_day", "days"):
            count = getattr(self, name)
            if (count is not None or name == "days") and (type(count) is not int or count < 1):
                raise DeclarationError(
                    f"Measure({name}={count!r})",
                    "it is a count: a whole number from 1 on",
                    f"Measure({name}={'100' if name == 'per_day' else '7'})",
                )
        if self.one_per is not None and self.per_day is None:
            raise DeclarationError(
                f"Measure(one_per={self.one_per!r}) without per_day=",
                "nothing says how many of them can be looked into a day",
                f"Measure(per_day=100, one_per={self.one_per!r})",
            )
        if self.per_day is None and self.amount is None and not self.by:
            raise DeclarationError(
                "Measure() of nothing",
                "what every pipeline has is measured anyway",
                'Measure(per_day=100, one_per="customer_id", amount="amount", by=["country"])',
            )

    def __str__(self) -> str:
        """In words."""
        parts = []
        if self.per_day is not None:
            of = "events" if self.one_per is None else f"alerts, one per {self.one_per},"
            parts.append(f"{self.per_day:,} {of} a day over {self.days} days")
        if self.amount is not None:
            parts.append(f"{self.amount} caught and missed")
        if self.by:
            parts.append(f"apart by {', '.join(self.by)}")
        return "; ".join(parts)

    def check(
        self,
        events: Topic,
        labels: Labels | str | None,
        fields: Mapping[str, Field],
        label: str | None,
        kind: Kind,
    ) -> None:
        """Refuse what a pipeline's events or model cannot be measured by.

        Args:
            events: of the pipeline.
            labels: of the pipeline.
            fields: of its events.
            label: the field that holds the label, where one does.
            kind: what its model predicts.
        """
        if labels is None:
            raise DeclarationError(
                "measure=Measure(…) without labels=",
                "only a label tells how good a score was",
                'labels=Labels("chargebacks"), or no measure=',
            )
        yes_or_no = kind in ("binary", "anomaly")
        for name in ("per_day", "amount"):
            if getattr(self, name) is not None and not yes_or_no:
                raise DeclarationError(
                    f"Measure({name}={getattr(self, name)!r}) of a {kind} model",
                    "an event is caught or missed where labels are yes or no",
                    'Measure(by=["country"])',
                )
        if self.per_day is not None:
            self._check_days(events, fields)
        if self.amount is not None:
            given = f"Measure(amount={self.amount!r})"
            field_for(fields, self.amount, given, "an amount", _AMOUNTS, required=False)
        apart = {events.id: "id", events.key: "key", events.time: "time", label: "label"}
        for name in self.by:
            given = f"Measure(by=[{name!r}])"
            field_for(fields, name, given, "what is told apart", _TOLD_APART, required=False)
            if name in apart:
                raise DeclarationError(
                    f"{given}, and {name} is the {apart[name]} of the events",
                    "its values would be shown in metrics, and be too many to tell apart",
                    "a field of few values, such as a country or a channel",
                )

    def new(self, kind: Kind, events: Topic, labels: Labels | str | None) -> Measurement:
        """The measurement of one partition, which has measured nothing."""
        from models.measurement import Measurement

        return Measurement(kind, **self.asked(events), estimate=can_be_estimated(kind, labels))

    def asked(self, events: Topic) -> dict[str, Any]:
        """What it asks of a `models.measurement.Measurement`."""
        return {
            "per_day": self.per_day,
            "days": self.days,
            "one_per": None if self.per_day is None else self.one_per or events.id,
            "amount": self.amount,
            "by": self.by,
        }

    def _check_days(self, events: Topic, fields: Mapping[str, Field]) -> None:
        given = f"Measure(per_day={self.per_day})"
        if events.time is None:
            raise DeclarationError(
                f"{given} of events without a time",
                "a day is a day of the events, so each has to tell when it was",
                'events=Topic(…, time="at"), with a field at: datetime in the schema',
            )
        alerted = self.one_per or events.id
        if alerted is None:
            raise DeclarationError(
                f"{given} without one_per=, of events without an id",
                "what is alerted once a day has to have a name",
                f'Measure(per_day={self.per_day}, one_per="customer_id")',
            )
        if self.one_per is not None:
            given = f"Measure(one_per={self.one_per!r})"
            field_for(fields, self.one_per, given, "what is alerted", ID_TYPES, required=True)


def can_be_estimated(kind: Kind, labels: Labels | str | None) -> bool:
    """Whether figures can be estimated before labels come: of yes and no, if they come later."""
    return isinstance(labels, Labels) and kind in ("binary", "anomaly")
