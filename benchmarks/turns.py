"""Variants of a worker that run by turns, on payments and their verdicts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from benchmarks.backlog import write
from benchmarks.measuring import Run, measure
from benchmarks.pipelines import VERDICTS
from benchmarks.systems import PAYMENTS, System
from streams.broker import Broker
from streams.topics import TopicSpec, ensure

__all__ = ["by_turns"]

_HEADROOM = 1.5  # a worker is measured while there is still more to read

V = TypeVar("V", bound=System)


def by_turns(
    compared: Sequence[V],
    runs: int,
    partitions: int,
    tell: Callable[[str], object],
    run: Callable[[V, str, int], Run] = measure,
) -> dict[str, list[Run]]:
    """The runs of each variant, by its name, in the order of the turns.

    Args:
        compared: the variants.
        runs: of each.
        partitions: of the topics.
        tell: is given a line after each run.
        run: makes one, of a variant on a broker with so many partitions.
    """
    events = max(variant.events for variant in compared)
    results: dict[str, list[Run]] = {variant.name: [] for variant in compared}
    with Broker(heap="1g") as broker:
        ensure(broker.bootstrap, [TopicSpec(topic, partitions) for topic in (PAYMENTS, VERDICTS)])
        write(broker.bootstrap, int(_HEADROOM * events))
        for number in range(runs):
            # Who begins differs from turn to turn: a machine that gets slower wrongs nobody.
            first = number % len(compared)
            for variant in [*compared[first:], *compared[:first]]:
                found = run(variant, broker.bootstrap, partitions)
                results[variant.name].append(found)
                cost = f"{found.events_per_cpu_s:>9,.0f} events/CPU-s"
                tell(f"run {number + 1}  {variant.name:<22}{cost}")
    return results
