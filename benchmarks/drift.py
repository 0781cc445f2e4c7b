"""A new type of fraud sets in: when it is noticed, and what a reaction brings.

``python -m benchmarks.drift``, on the simulator, whose days before the onset hold nothing new. All
payments are labelled a week later: what sets in on day 90 cannot be noticed before day 97, and
delays are counted from there.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

from examples.fraud import Chargeback, Payment
from models import AdaGrad, Adaptive, Cross, Hashed, Logistic, Number, Window
from models.adaptive import AdaptiveLearner
from models.ranking import Ranking
from streams import Labels, Pipeline, Topic
from streams.blocks import Block, Role
from streams.chargebacks import LabelPlan
from streams.payments import DAY_MS
from streams.predictions import Prediction
from streams.simulator import Simulator
from streams.slices import Slice
from streams.task import PartitionTask

_DELAY = 7
_MONTH = 365.25 / 12
_TOPICS: dict[Role, str] = {"labels": "chargebacks", "events": "payments"}
_MODEL = Logistic(bits=20, optimizer=AdaGrad(1.0), l2=0.001)
"""As in examples/fraud.py."""

_decoder = msgspec.json.Decoder(Prediction)


@dataclass(slots=True)
class Run:
    """What one task did with one stream.

    Attributes:
        watched: day from which on an alarm was possible.
        alarms, swaps: days on which there was one.
        score: of each payment, in order.
    """

    task: PartitionTask
    watched: float = np.inf
    alarms: list[float] = field(default_factory=list)
    swaps: list[float] = field(default_factory=list)
    score: list[float] = field(default_factory=list)

    def take(self, part: Slice, day: float) -> None:
        """Take a slice whose last record is of this day."""
        output = self.task.take(part)
        self.score += [
            _decoder.decode(line or b"").score or 0.0 for line in output.predictions.values
        ]
        learner = self.task.learner
        if isinstance(learner, AdaptiveLearner):
            self.alarms += [day] * (learner.alarms - len(self.alarms))
            self.swaps += [day] * (learner.swaps - len(self.swaps))
            if self.task.learned >= learner.reference:
                self.watched = min(self.watched, day)


def pipeline(model: object) -> Pipeline:
    """Card fraud, with what a card, a device and a terminal did of late."""
    return Pipeline(
        name="fraud",
        events=Topic("payments", schema=Payment, id="tx_id", key="customer_id", time="at"),
        labels=Labels(
            "chargebacks",
            schema=Chargeback,
            id="tx_id",
            value="fraud",
            time="at",
            matures_after=f"{_DELAY}d",
            otherwise=0,
        ),
        features=[
            Number("amount", scale="standard"),
            Hashed("terminal_id"),
            Hashed("customer_id"),
            Hashed("device_id"),
            Cross("category", "channel"),
            Cross("customer_id", "terminal_id"),
            Window("amount", by="customer_id", over=["1d", "7d", "30d"], stats=["count", "ratio"]),
            Window("customer_id", by="device_id", over=["1d", "7d"], stats=["count", "distinct"]),
            Window(by="terminal_id", over=["1d", "7d"], stats=["count"]),
        ],
        model=model,
    )


def runs(simulator: Simulator, models: Sequence[object]) -> list[Run]:
    """One partition of each model over the whole stream."""
    found = []
    for model in models:
        task = PartitionTask(pipeline(model), 0)
        task.positions = dict.fromkeys(_TOPICS.values(), 0)
        found.append(Run(task))
    ends = dict.fromkeys(_TOPICS.values(), 0)
    for block in simulator.messages():
        for part in _slices(block, ends):
            day = (int(part.timestamps[-1]) - simulator.start_ms) / DAY_MS
            for run in found:
                run.take(part, day)
    return found


def _slices(block: Block, ends: dict[str, int]) -> Iterator[Slice]:
    """Labels first: each waits until the events reach its date."""
    for role, topic in _TOPICS.items():
        own, start = block.of(role), ends[topic]
        ends[topic] = stop = start + len(own)
        whole = Slice(
            topic, 0, start, stop, range(start, stop), own.keys, own.values, own.timestamps
        )
        yield from whole.pieces(2_048) if len(own) else ()


def average_precision(
    simulator: Simulator, score: NDArray[np.float64], first: int, days: int
) -> float:
    """Of the payments of some days, against the truth."""
    counts = [len(simulator.payments(day)) for day in range(first + days)]
    truth = np.concatenate([simulator.payments(day).fraud for day in range(first, first + days)])
    ranking, start = Ranking(), sum(counts[:first])
    ranking.add(score[start : start + len(truth)], truth.astype(np.int8))
    return ranking.average_precision()


def main() -> None:
    """Print a line a seed, then all of them together."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs=2, default=(51, 61), metavar=("FIRST", "STOP"))
    parser.add_argument("--days", type=int, default=132)
    parser.add_argument("--onset", type=int, default=90)
    options = parser.parse_args()
    weeks = range(options.onset, options.days - 6, 7)
    print("days from the first label of the new fraud to the alarm and to the swap; false alarms")
    delays, false, months, precision = [], 0, 0.0, []
    for seed in range(*options.seeds):
        simulator = Simulator(
            seed=seed,
            days=options.days,
            onset=options.onset,
            labels=LabelPlan(chargeback_days=(_DELAY, _DELAY)),
        )
        plain, adaptive = runs(simulator, [_MODEL, Adaptive(_MODEL)])
        due = options.onset + _DELAY
        early = [day for day in adaptive.alarms if day < due]
        late = [day - due for day in adaptive.alarms if day >= due]
        swaps = [f"{day - due:.1f}" for day in adaptive.swaps]
        false, months = false + len(early), months + (due - adaptive.watched) / _MONTH
        delays.append(late[0] if late else np.inf)
        precision.append(
            [
                [average_precision(simulator, np.array(run.score), week, 7) for week in weeks]
                for run in (plain, adaptive)
            ]
        )
        alarms = ", ".join(f"{day:.1f}" for day in late)
        print(
            f"seed {seed}: alarm {alarms or '–'}; swap {', '.join(swaps) or '–'}; {len(early)}",
            flush=True,
        )
    print(f"delay: median {np.median(delays):.1f} days, longest {max(delays):.1f}")
    print(f"false alarms: {false} in {months:.1f} months")
    print("average precision by week from the onset")
    for name, row in zip(("as it is", "adaptive"), np.mean(precision, axis=0), strict=True):
        print(f"{name:>9} {' '.join(f'{week:.3f}' for week in row)}")


if __name__ == "__main__":
    main()
