"""The systems that are compared: each scores and learns every payment, and publishes the answer.

Each is a process of its own, ``python -m benchmarks.systems.… BROKERS PREDICTIONS``, and does the
same: reads topic ``payments`` from its beginning, as JSON; predicts by logistic regression (plain
SGD) on five hashed fields and one number, 2^20 weights; learns the label, which is in the event;
and writes for each payment a JSON object with its ``partition``, its ``offset`` and a score.

A system that cannot share Thalweg's environment has one of its own, which lacks what Thalweg needs:
here, and in what these programs import, is nothing of ``streams`` and ``models``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace

__all__ = ["BITS", "CATEGORIES", "LEARNING_RATE", "PAYMENTS", "SYSTEMS", "System"]

PAYMENTS = "payments"
CATEGORIES = ("card", "shop", "entry", "country", "device")
"""The fields that every system hashes; ``log(1 + amount)`` is the one number beside them."""
BITS = 20
LEARNING_RATE = 0.05

_VERSIONS = """
import json, sys
from importlib.metadata import version
print(json.dumps({name: version(name) for name in sys.argv[1:]}))
"""


@dataclass(frozen=True, slots=True)
class System:
    """One of those compared.

    Attributes:
        name: for people.
        module: its program in this package.
        delivery: what it promises of its predictions.
        events: how many to measure it over; 5 seconds' worth or so.
        packages: whose versions matter.
        environment: where it needs one of its own: the file here, less ``.txt``, that pins it.
        python: the interpreter it runs in.
    """

    name: str
    module: str
    delivery: str
    events: int
    packages: tuple[str, ...]
    environment: str | None = None
    python: str = sys.executable

    def command(self, brokers: str, predictions: str) -> list[str]:
        """The command line that starts it."""
        return [self.python, "-m", f"benchmarks.systems.{self.module}", brokers, predictions]

    def scaled(self, factor: float) -> System:
        """The same, measured over more or fewer events."""
        return replace(self, events=int(factor * self.events))

    def versions(self) -> Mapping[str, str]:
        """Of its packages, as installed where it runs."""
        command = [self.python, "-c", _VERSIONS, *self.packages]
        return json.loads(subprocess.check_output(command))


SYSTEMS = (
    System(
        "Thalweg",
        "thalweg",
        "exactly-once",
        1_500_000,
        ("faust-streaming", "aiokafka", "msgspec", "numba", "numpy"),
    ),
    System(
        "confluent-kafka + River",
        "confluent_river",
        "at-least-once",
        300_000,
        ("confluent-kafka", "river", "msgspec"),
    ),
    System(
        "aiokafka + River",
        "aiokafka_river",
        "at-least-once",
        250_000,
        ("aiokafka", "river", "msgspec"),
    ),
    System(
        "Quix Streams + River",
        "quix_river",
        "at-least-once",
        150_000,
        ("quixstreams", "confluent-kafka", "river"),
        environment="quix",
    ),
    System(
        "Bytewax + River",
        "bytewax_river",
        "at-least-once",
        250_000,
        ("bytewax", "confluent-kafka", "river", "msgspec"),
        environment="bytewax",
    ),
    System(
        "plain Faust + River",
        "faust_river",
        "at-least-once",
        12_000,
        ("faust-streaming", "aiokafka", "river"),
    ),
)
