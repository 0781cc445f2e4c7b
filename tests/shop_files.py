"""A shop's pipeline in a file, and visits to it."""

from __future__ import annotations

from pathlib import Path

import msgspec
from confluent_kafka import Producer
from outside import Worker, read

__all__ = ["answered", "shop_file", "visit"]

_PIPELINE = """
from models import Hashed, Logistic
from streams import Event, Labels, Pipeline, Threshold, Topic


class Visit(Event, frozen=True):
    id: str
    page: str


pipeline = Pipeline(
    name="{name}",
    events=Topic("{name}.visits", schema=Visit, id="id", key="page"),
    labels=Labels("{name}.sales"{labels}),
    features=[Hashed("page")],
    model=Logistic(bits=8),
    decide=Threshold(0.5),
)
"""


def shop_file(folder: Path, name: str = "shop", **labels: object) -> Path:
    """A file with its declaration; `labels`: what is said of them beside their topic."""
    said = "".join(f", {argument}={value!r}" for argument, value in labels.items())
    file = folder / "shop.py"
    file.write_text(_PIPELINE.format(name=name, labels=said))
    return file


def visit(brokers: str, name: str, first: int, count: int, *, sales: bool = True) -> None:
    """Visits of ten pages, every third of which is followed by a sale."""
    producer = Producer({"bootstrap.servers": brokers})
    for number in range(first, first + count):
        key, event = f"p{number % 10}", {"id": f"v{number}", "page": f"p{number % 10}"}
        producer.produce(f"{name}.visits", msgspec.json.encode(event), key)
        if sales and number % 3 == 0:
            label = {"id": f"v{number}", "label": 1}
            producer.produce(f"{name}.sales", msgspec.json.encode(label), key)
    producer.flush()


def answered(worker: Worker, name: str, brokers: str, count: int) -> None:
    """Wait until there are so many predictions, or more."""
    worker.until(lambda: len(list(read(brokers, f"{name}.predictions"))) >= count, 60)
