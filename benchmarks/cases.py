"""Payments as they may also come: in other slices, with more in them, spelled otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

import msgspec
import numpy as np
from river.linear_model import LogisticRegression
from river.optim import SGD as RiverSGD  # noqa: N811  # an acronym, too
from river.preprocessing import FeatureHasher
from river.tree import HoeffdingTreeClassifier

from benchmarks.payments import Payment, payments
from benchmarks.pipelines import plain
from benchmarks.systems import BITS, LEARNING_RATE, PAYMENTS
from models import FTRL, SGD, AdaGrad, Hashed, Logistic, Number, Tokens
from streams import Event, Pipeline, Secret, Threshold, Topic

__all__ = ["Case", "cases"]

PLAIN = plain("cost")
_POOL = 10 * 4096
_WIDE = 4 << 20
Values: TypeAlias = list[bytes]


@dataclass(frozen=True, slots=True)
class Case:
    """Events to be carried out over and over, and by what.

    Attributes:
        axis: what is varied.
        at: where on that axis.
        pipeline: what takes them.
        values: JSON, one an event.
        size: events of one slice.
    """

    axis: str
    at: str
    pipeline: Pipeline
    values: Values
    size: int = 4096

    @property
    def river(self) -> bool:
        """Whether a River estimator does the learning."""
        return self.pipeline.model.form == "named"

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.axis}: {self.at}"


def cases() -> Iterator[Case]:
    """All of them, the plain one first; each is made when it is asked for."""
    sound = encoded(payments(_POOL))
    yield Case("plain", "135 bytes, 6 features", PLAIN, sound)
    for size in (1, 10, 100, 1_000, 4_096):
        yield Case("slice", f"{size:,} events", PLAIN, sound[: min(_POOL, 2_000 * size)], size)
    yield from _features()
    yield from _values(sound)
    for ids in (10_000, 1_000_000, 10_000_000):
        spread = encoded(_with_ids(6 * _POOL, ids))
        yield Case("ids", f"{ids:,} distinct", PLAIN, spread)
    yield from _spelling(sound)
    yield from _bad(sound)
    yield from _kinds(sound)
    yield from _models(sound)
    for at in (0.999999, 0.05, 0.000001):
        reasoned = replace(PLAIN, decide=Threshold(at), reasons=3)
        yield Case("reasons", f"3, for a score of {at}", reasoned, sound)
    hidden = replace(PLAIN, events=replace(PLAIN.events, schema=Hidden, key=None))
    yield Case("privacy", "one Secret field", hidden.unlock(b"of no pipeline but this"), sound)


def encoded(events: Iterator[Event]) -> Values:
    """As JSON."""
    return list(map(msgspec.json.Encoder().encode, events))


def _features() -> Iterator[Case]:
    """One number to two texts, and the label; each of them a feature."""
    for count in (3, 9, 30, 100, 200):
        names = [f"{'n' if place % 3 == 0 else 't'}{place}" for place in range(count)]
        types = {name: float if name[0] == "n" else str for name in names}
        schema = msgspec.defstruct(
            "Wide", [*types.items(), ("fraud", Literal[0, 1])], bases=(Event,), frozen=True
        )
        random = np.random.default_rng(count)
        n = max(4096, _POOL * 9 // (count + 9))
        numbers = np.round(random.lognormal(3.5, 1.0, (n, count)), 2).tolist()
        rows = random.integers(0, 5_000, (n, count)).tolist()
        values = encoded(
            schema(
                *(
                    number if kind is float else f"t{row:04}"
                    for kind, number, row in zip(types.values(), *parts, strict=True)
                ),
                0,
            )
            for parts in zip(numbers, rows, strict=True)
        )
        pipeline = Pipeline(
            name="cost",
            events=Topic(PAYMENTS, schema=schema),
            labels="fraud",
            features=[Number(name) if types[name] is float else Hashed(name) for name in names],
            model=Logistic(bits=BITS, optimizer=SGD(LEARNING_RATE)),
        )
        yield Case("features", str(count), pipeline, values)


class Hidden(Payment, frozen=True):
    """A payment whose card nobody is to read."""

    card: Secret


class Small(Event, frozen=True):
    """Nine fields in 60 bytes."""

    a: str
    b: int
    c: int
    d: int
    e: int
    f: int
    g: int
    h: int
    i: Literal[0, 1]


def _values(sound: Values) -> Iterator[Case]:
    short = encoded(Small(str(n), *[n % 7] * 7, 0) for n in range(_POOL))
    pipeline = Pipeline(
        name="cost",
        events=Topic(PAYMENTS, schema=Small, id="a"),
        labels="i",
        features=[Number("b"), *map(Hashed, "cdefg")],
        model=Logistic(bits=BITS, optimizer=SGD(LEARNING_RATE)),
    )
    yield Case("value", "55 bytes", pipeline, short)
    for size in (1_000, 10_000, 100_000):
        count = max(8, min(_POOL, 10 * _WIDE // size))
        at_once = max(1, min(4096, _WIDE // size))
        for kind, item in (("of text", b"x"), ("nested", b'{"a":[1,true,"b"]},')):
            room = size - len(sound[0]) - 10
            text = item * (room // len(item))
            more = b'"' + text + b'"' if kind == "of text" else b"[" + text[:-1] + b"]"
            longer = [value[:-1] + b',"more":' + more + b"}" for value in sound[:count]]
            yield Case("value", f"{size:,} bytes, {kind}", PLAIN, longer, at_once)


def _with_ids(events: int, ids: int) -> Iterator[Payment]:
    drawn = np.random.default_rng(ids).integers(0, ids, (events, 3)).tolist()
    for event, (card, shop, device) in zip(payments(events), drawn, strict=True):
        yield msgspec.structs.replace(
            event, card=f"c{card:08}", shop=f"s{shop:08}", device=f"d{device:08}"
        )


def _spelling(sound: Values) -> Iterator[Case]:
    escaped = _replaced(b'"shop":"s', b'"shop":"\\u00e9\\"')
    foreign = _replaced(b'"shop":"s', '"shop":"é€'.encode())
    key = _replaced(b'"shop":', b'"sh\\u006fp":')
    for axis, spell in (("escapes", escaped), ("non-ASCII", foreign), ("escaped key", key)):
        for share in (0.01, 0.1, 1.0):
            yield Case(axis, f"{share:.0%}", PLAIN, _some(sound, share, spell))
    random = np.random.default_rng(17)
    exact = (
        msgspec.structs.replace(event, amount=float(random.lognormal(3.5, 1.0)))
        for event in payments(_POOL)
    )
    yield Case("17-digit floats", "100%", PLAIN, encoded(exact))


def _bad(sound: Values) -> Iterator[Case]:
    text = _replaced(b'"amount":', b'"amount":"",":')
    for share in (0.01, 0.1, 1.0):
        yield Case("torn", f"{share:.0%}", PLAIN, _some(sound, share, lambda v: v[:-9]))
        yield Case("not the schema", f"{share:.0%}", PLAIN, _some(sound, share, text))


class Dated(Payment, frozen=True):
    """A payment with a time as people write it."""

    at: datetime


class Told(Payment, frozen=True):
    """A payment whose label is a yes or a number."""

    fraud: bool | float


class Tagged(Payment, frozen=True):
    """A payment with a list in it, which no column holds."""

    country: list[str]


def _kinds(sound: Values) -> Iterator[Case]:
    dates = list(map(_dated, sound))
    zones = [value.replace(b'Z"', b'+02:00"', 1) for value in dates]
    yield Case("time", "UTC", _of(Dated), dates)
    yield Case("time", "10% in another zone", _of(Dated), _mixed(dates, zones, 0.1))
    yield Case("time", "100% in another zone", _of(Dated), zones)
    told = [value.replace(b'"fraud":1', b'"fraud":true') for value in sound]
    yield Case("label", "bool | float", _of(Told), told)
    lists = [
        value.replace(b'"country":"', b'"country":["').replace(b',"device"', b'],"device"')
        for value in sound
    ]
    bags = [*(one for one in PLAIN.features if one.field != "country"), Tokens("country")]
    yield Case("a field", "list[str]", _of(Tagged, features=bags), lists)


def _of(schema: type[Event], **changes: Any) -> Pipeline:
    return replace(PLAIN, events=replace(PLAIN.events, schema=schema), **changes)


def _dated(value: bytes) -> bytes:
    at = datetime.fromtimestamp(int(value[21:31]), UTC)
    return value[:21] + f'"{at:%FT%TZ}"'.encode() + value[31:]


def _models(sound: Values) -> Iterator[Case]:
    for optimizer in (SGD(LEARNING_RATE), AdaGrad(0.05), FTRL(0.05)):
        ours = replace(PLAIN, model=Logistic(bits=BITS, optimizer=optimizer))
        yield Case("model", f"Logistic, {type(optimizer).__name__}", ours, sound)
    linear = FeatureHasher(2**BITS, seed=0) | LogisticRegression(RiverSGD(LEARNING_RATE))
    yield Case("model", "River LogisticRegression", replace(PLAIN, model=linear), sound)
    few = [one for one in PLAIN.features if one.field in ("amount", "entry", "country")]
    tree = replace(PLAIN, model=HoeffdingTreeClassifier(), features=few)
    yield Case("model", "River HoeffdingTree", tree, sound)


def _replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    return lambda value: value.replace(old, new)


def _some(values: Values, share: float, change: Callable[[bytes], bytes]) -> Values:
    """The values, a share of them changed."""
    return _mixed(values, list(map(change, values)), share)


def _mixed(values: Values, others: Values, share: float) -> Values:
    chosen = np.random.default_rng(3).random(len(values)) < share
    return [b if odd else a for a, b, odd in zip(values, others, chosen.tolist(), strict=True)]
