"""Payments as they may also come: by slices of other sizes, with more in them, spelled otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

import msgspec
import numpy as np
from river.compose import Pipeline as RiverPipeline
from river.linear_model import LogisticRegression
from river.optim import SGD as RiverSGD  # noqa: N811  # an acronym as well
from river.preprocessing import FeatureHasher
from river.tree import HoeffdingTreeClassifier

from benchmarks.payments import Payment, payments
from benchmarks.pipelines import plain
from benchmarks.systems import BITS, LEARNING_RATE, PAYMENTS
from models import FTRL, SGD, AdaGrad, Bag, Hashed, Logistic, Number
from streams import Event, Pipeline, Topic

__all__ = ["Case", "cases"]

_POOL = 20 * 4096
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
    def name(self) -> str:
        """For people."""
        return f"{self.axis}: {self.at}"


def cases() -> Iterator[Case]:
    """All of them, the plain one first; each is made when it is asked for."""
    sound = encoded(payments(_POOL))
    yield Case("plain", "135 bytes, 6 features", plain("cost"), sound)
    for size in (1, 10, 100, 1_000, 4_096):
        yield Case("slice", f"{size:,} events", plain("cost"), sound[: min(_POOL, 2_000 * size)], size)
    yield from _features()
    yield from _values(sound)
    for ids in (10_000, 1_000_000, 10_000_000):
        spread = encoded(_with_ids(payments(6 * _POOL), ids))
        yield Case("ids", f"{ids:,} distinct", plain("cost"), spread)
    yield from _spelling(sound)
    yield from _bad(sound)
    yield from _kinds(sound)
    yield from _models(sound)


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
            yield Case("value", f"{size:,} bytes, {kind}", plain("cost"), longer, at_once)


def _with_ids(events: Iterator[Payment], count: int) -> Iterator[Payment]:
    random = np.random.default_rng(count)
    for event in events:
        card, shop, device = random.integers(0, count, 3).tolist()
        yield msgspec.structs.replace(
            event, card=f"c{card:08}", shop=f"s{shop:08}", device=f"d{device:08}"
        )


def _spelling(sound: Values) -> Iterator[Case]:
    escaped = _replaced(b'"shop":"s', b'"shop":"\\u00e9\\"')
    foreign = _replaced(b'"shop":"s', '"shop":"é€'.encode())
    key = _replaced(b'"shop":', b'"sh\\u006fp":')
    for axis, spell in (("escapes", escaped), ("non-ASCII", foreign), ("escaped key", key)):
        for share in (0.01, 0.1, 0.5, 1.0):
            yield Case(axis, f"{share:.0%}", plain("cost"), _some(sound, share, spell))
    random = np.random.default_rng(17)
    exact = (
        msgspec.structs.replace(event, amount=float(random.lognormal(3.5, 1.0)))
        for event in payments(_POOL)
    )
    yield Case("17-digit floats", "100%", plain("cost"), encoded(exact))


def _bad(sound: Values) -> Iterator[Case]:
    text = _replaced(b'"amount":', b'"amount":"",":')
    for share in (0.01, 0.1, 0.5, 1.0):
        yield Case("torn", f"{share:.0%}", plain("cost"), _some(sound, share, lambda v: v[:-9]))
        yield Case("not the schema", f"{share:.0%}", plain("cost"), _some(sound, share, text))


class Dated(Event, frozen=True):
    """A payment with a time as people write it."""

    id: str
    at: datetime
    card: str
    shop: str
    amount: float
    entry: str
    country: str
    device: str
    fraud: Literal[0, 1]


class Told(Event, frozen=True):
    """A payment whose label is a probability or a yes."""

    id: str
    at: int
    card: str
    shop: str
    amount: float
    entry: str
    country: str
    device: str
    fraud: bool | float


class Tagged(Event, frozen=True):
    """A payment with a list in it, which no column holds."""

    id: str
    at: int
    card: str
    shop: str
    amount: float
    entry: str
    country: list[str]
    device: str
    fraud: Literal[0, 1]


def _kinds(sound: Values) -> Iterator[Case]:
    def dated(value: bytes) -> bytes:
        head, at, tail = value[:21], value[21:31], value[31:]
        return head + f'"{datetime.fromtimestamp(int(at), UTC):%FT%TZ}"'.encode() + tail

    dates = list(map(dated, sound))
    zones = [value.replace(b'Z"', b'+02:00"', 1) for value in dates]
    told = [value.replace(b'"fraud":1', b'"fraud":true') for value in sound]
    lists = [value[:-1].replace(b'"country":"', b'"country":["').replace(b',"device', b'],"device') + b"}" for value in sound]
    yield Case("time", "UTC", _of(Dated), dates)
    yield Case("time", "another zone, 1%", _of(Dated), _mixed(dates, zones, 0.01))
    yield Case("time", "another zone, 100%", _of(Dated), zones)
    yield Case("label", "bool | float", _of(Told), told)
    yield Case("no column fits", "list[str]", _of(Tagged, Bag("country")), lists)


def _of(schema: type[Event], country: Any = None) -> Pipeline:
    features = [Number("amount", scale="log"), *map(Hashed, ("card", "shop", "entry", "device"))]
    return Pipeline(
        name="cost",
        events=Topic(PAYMENTS, schema=schema, id="id", key="card", time="at"),
        labels="fraud",
        features=[*features, country or Hashed("country")],
        model=Logistic(bits=BITS, optimizer=SGD(LEARNING_RATE)),
    )


def _models(sound: Values) -> Iterator[Case]:
    tree_features = (Number("amount", scale="log"), Hashed("entry"), Hashed("country"))
    for optimizer in (SGD(LEARNING_RATE), AdaGrad(0.05), FTRL(0.05)):
        model = Logistic(bits=BITS, optimizer=optimizer)
        name = f"Logistic, {type(optimizer).__name__}"
        yield Case("model", name, _replace(plain("cost"), model=model), sound)
    linear = RiverPipeline(
        FeatureHasher(2**BITS, seed=0), LogisticRegression(RiverSGD(LEARNING_RATE))
    )
    yield Case("model", "River FeatureHasher | LogisticRegression", _replace(plain("cost"), model=linear), sound)
    tree = _replace(plain("cost"), model=HoeffdingTreeClassifier(), features=tree_features)
    yield Case("model", "River HoeffdingTreeClassifier", tree, sound)
