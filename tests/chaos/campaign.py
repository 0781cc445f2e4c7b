"""The campaign: for each kind of fault a round under load, verified when it ends."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from confluent_kafka import KafkaException

from streams.broker import BrokerError
from tests.chaos.faults import FAULTS
from tests.chaos.results import Results
from tests.chaos.slots import UnexpectedError
from tests.chaos.stage import Stage

__all__ = ["Campaign"]

_MOST_IN_A_ROUND = 40


class Campaign:
    """Everything that happens, chosen by a seed.

    Args:
        seed: of all choices.
        faults: how many, at least one of each kind.
        kinds: in `tests.chaos.faults.FAULTS`.
        minutes: after so many no round begins.
        rate: events a second on each lane.
        say: prints a line.

    Attributes:
        results: so far.
    """

    def __init__(
        self,
        seed: int,
        faults: int,
        kinds: Sequence[str],
        minutes: float,
        rate: float,
        say: Callable[[str], None],
    ) -> None:
        self.results = Results(seed)
        self._seed = seed
        self._faults = faults
        self._kinds = kinds
        self._minutes = minutes
        self._rate = rate
        self._say = say

    def rounds(self) -> Iterator[tuple[str, int]]:
        """The kind of each round, and how many of them it has: to each kind its share."""
        weights = {kind: FAULTS[kind].weight for kind in self._kinds}
        spare = max(0, self._faults - len(weights))
        reached = given = 0.0
        for kind, weight in weights.items():
            reached += weight / sum(weights.values()) * spare
            count = 1 + round(reached) - round(given)
            given = reached
            while count:
                part = min(count, _MOST_IN_A_ROUND)
                count -= part
                yield kind, part

    def run(self, directory: Path) -> Results:
        """Play all rounds on one broker; a round that cannot be ended counts as not held."""
        began = time.monotonic()
        with Stage(self._rate, directory) as stage:
            for number, (kind, count) in enumerate(self.rounds()):
                if time.monotonic() - began > 60 * self._minutes:
                    self._say(f"{self._minutes:g} minutes are over")
                    break
                self._say(f"round {number}: {count} of {kind}")
                try:
                    self._play(stage, number, kind, count)
                except (UnexpectedError, BrokerError, KafkaException) as error:
                    self.results.failed(kind, str(error))
                    self._say(f"  {error}")
                    stage.clear()
                except BaseException:
                    self.results.failed(kind, "the campaign was interrupted")
                    raise
        return self.results

    def _play(self, stage: Stage, number: int, kind: str, count: int) -> None:
        results = self.results
        draw = random.Random(f"{self._seed} {number}")
        stage.raise_curtain(f"r{number}", draw.randrange(1 << 30), FAULTS[kind].lanes)
        for _ in range(count):
            chosen = FAULTS[kind].inject(stage, draw)
            seconds = stage.settle()
            results.injected(kind, seconds)
            self._say(f"  {results.faults:>5} {kind}: {chosen}; recovered in {seconds:.2f} s")
        verdict = stage.lower_curtain()
        results.verified(kind, verdict)
        for problem in verdict.problems:
            self._say(f"  {problem}")
