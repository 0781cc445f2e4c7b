"""The systems that are compared: each scores and learns every payment, and publishes the answer.

Each is a process of its own, ``python -m benchmarks.systems.… BROKERS PREDICTIONS``, and does the
same: reads topic ``payments`` from its beginning, as JSON; predicts by logistic regression (plain
SGD) on five hashed fields and one number, 2^20 weights; learns the label, which is in the event;
and writes for each payment a JSON object with its ``partition``, its ``offset`` and a score.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import metadata

__all__ = ["BITS", "LEARNING_RATE", "PAYMENTS", "SYSTEMS", "System"]

PAYMENTS = "payments"
BITS = 20
LEARNING_RATE = 0.05


@dataclass(frozen=True, slots=True)
class System:
    """One of those compared.

    Attributes:
        name: for people.
        module: its program in this package.
        delivery: what it promises of its predictions.
        events: how many to measure it over; 8 seconds' worth or so.
        packages: whose versions matter.
    """

    name: str
    module: str
    delivery: str
    events: int
    packages: tuple[str, ...]

    def command(self, brokers: str, predictions: str) -> list[str]:
        """The command line that starts it."""
        return [sys.executable, "-m", f"benchmarks.systems.{self.module}", brokers, predictions]

    def scaled(self, factor: float) -> System:
        """The same, measured over more or fewer events."""
        return replace(self, events=int(factor * self.events))

    def versions(self) -> Mapping[str, str]:
        """Of its packages, as installed."""
        return {name: metadata.version(name) for name in self.packages}


SYSTEMS = (
    System(
        "Thalweg",
        "thalweg",
        "exactly-once",
        1_000_000,
        ("faust-streaming", "aiokafka", "msgspec", "numba", "numpy"),
    ),
    System(
        "confluent-kafka + River",
        "confluent_river",
        "at-least-once",
        200_000,
        ("confluent-kafka", "river", "msgspec"),
    ),
    System(
        "plain Faust + River",
        "faust_river",
        "at-least-once",
        20_000,
        ("faust-streaming", "aiokafka", "river"),
    ),
)
