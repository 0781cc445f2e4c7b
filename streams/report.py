"""What a worker says of itself while it runs: gauges on a timer, a line every few seconds."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from streams.app import App, ReadingFlow
from streams.news import news
from streams.observer import Observer

if TYPE_CHECKING:
    from models.quality import Quality
    from streams.pipeline import Pipeline

__all__ = ["Report", "pause"]

_GAUGES_EVERY_S = 1.0
_DESCRIBING = 0.01  # share of the time
_OLDEST_S = 15.0
_SAMPLES = 100_000
_OLD_S = 600.0


class Report(Observer):
    """Counts what passes between two lines, and prints them.

    Args:
        pipeline: that the worker runs.
        app: whose partitions are reported.
        observer: takes the gauges that are read on a timer: lag, quality, model.
        every: seconds between two lines; 0 prints none.
        say: prints a line.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        app: App,
        observer: Observer,
        every: float,
        say: Callable[[str], None],
    ) -> None:
        self._pipeline = pipeline
        self._app = app
        self._flow = ReadingFlow(app)
        self._observer = observer
        self._every = every
        self._say = say
        self._events = 0
        self._total = 0
        self._latency: list[NDArray[np.float64]] = []
        self._samples = 0
        self._quality: dict[str, float] = {}
        self._measured: list[Quality] = []
        self._described: dict[int, Mapping[str, int]] = {}
        self._models: dict[int, Mapping[str, float]] = {}
        self._left: dict[int, int] = {}

    def on_slice(self, partition: int, events: int, predictions: int, seconds: float) -> None:
        """Count the events."""
        self._events += events
        self._total += events

    def on_latency(self, partition: int, seconds: NDArray[np.float64]) -> None:
        """Keep the latencies of the current interval, up to a bound."""
        if self._samples < _SAMPLES:
            self._latency.append(seconds)
            self._samples += len(seconds)

    def on_recovery(self, partition: int, left: int) -> None:
        """Keep how much is left of each recovery."""
        self._left[partition] = left

    def on_revoked(self, partitions: Sequence[int]) -> None:
        """Forget what was described: the gauges are gone, whoever comes back has none."""
        self._described.clear()
        self._models.clear()
        self._left.clear()

    async def run(self) -> None:
        """Set the gauges and print the lines until cancelled."""
        last = described = time.monotonic()
        while True:
            await asyncio.sleep(_GAUGES_EVERY_S)
            lag = self._set_gauges()
            now = time.monotonic()
            if now >= described:
                described = now + pause(await self._describe())
            if self._every and now - last >= self._every:
                self._say(self._line(now - last, lag))
                last = now

    def summary(self) -> str:
        """What the worker did in all, in one line."""
        return f"{self._total:,} events scored{describe_quality(self._merged().summary())}"

    def _set_gauges(self) -> int:
        total = 0
        partitions = self._app.host.partitions
        for number, partition in partitions.items():
            lag = sum(
                max(0, (self._flow.end(topic, number) or position) - position)
                for topic, position in partition.task.positions.items()
            )
            behind = time.time() - partition.last_timestamp if lag else 0.0
            self._observer.on_lag(number, lag, behind)
            self._observer.on_pending(number, partition.task.pending)
            if (end := self._app.host.deltas_end) is not None:
                at = partition.task.positions[self._pipeline.deltas_topic or ""]
                self._observer.on_deltas_behind(number, max(0, end - at))
            total += lag
        if (spill := self._app.host.spill) is not None:
            self._observer.on_pending_bytes(spill.memory, spill.disk)
        # When none is left, as at the end, the last figures stay.
        if partitions:
            self._measured = [partition.task.quality for partition in partitions.values()]
        return total

    async def _describe(self) -> float:
        """Set the gauges that take milliseconds, of one partition at a time.

        Where nothing was read nothing has changed: an idle worker is to cost next to nothing.
        Answers the CPU-seconds that it took.
        """
        host, spent = self._app.host, 0.0
        for number, partition in list(host.partitions.items()):
            if host.partitions.get(number) is not partition:
                return spent
            task = partition.task
            if task.positions == self._described.get(number):
                continue
            began = time.thread_time()
            self._observer.on_quality(number, task.quality.summary())
            model = task.learner.summary()
            self._observer.on_model(number, {**model, **task.encoder.summary()})
            for line in news(self._models.get(number), model) if self._every else ():
                self._say(f"partition {number}: {line}")
            self._models[number] = model
            self._observer.on_alerting(number, task.decider.summary())
            self._described[number] = dict(task.positions)
            spent += time.thread_time() - began
            await asyncio.sleep(0)
        if spent:
            began = time.thread_time()
            merged = self._merged()
            self._quality = merged.summary()
            self._observer.on_worker_quality(self._quality)
            if self._pipeline.measure is not None:
                self._observer.on_worker_segments(merged.segments())
            spent += time.thread_time() - began
        return spent

    def _merged(self) -> Quality:
        merged = self._pipeline.new_quality()
        for quality in self._measured:
            merged.merge(quality)
        return merged

    def _line(self, seconds: float, lag: int) -> str:
        rate, self._events = self._events / seconds, 0
        latency, self._latency, self._samples = self._latency, [], 0
        text = f"{rate:>9,.0f} events/s   lag {lag:,}"
        if left := sum(self._left.values()):
            text += f"   recovering, {left:,} offsets left"
        if latency:
            p50, p99 = np.percentile(np.concatenate(latency), [50, 99])
            # Records older than that were recorded or simulated, not just sent.
            if p50 < _OLD_S:
                text += f"   latency p50 {p50 * 1000:,.0f} ms, p99 {p99 * 1000:,.0f} ms"
        return text + describe_quality(self._quality)


_SHOWN = {
    "auc": "AUC {:.4f}",
    "average_precision": "AP {:.4f}",
    "accuracy": "accuracy {:.4f}",
    "mae": "MAE {:.4g}",
}
_CARDS = "CP {card_precision:.3f} of {card_precision_ceiling:.3f}"


def pause(spent: float) -> float:
    """How long not to look at the figures after a look that took so many CPU-seconds.

    Looks are to take a hundredth of the time. But figures that are not renewed look like a model
    that learns nothing, so even dear ones are renewed after some seconds.
    """
    return min(spent / _DESCRIBING, _OLDEST_S)


def describe_quality(summary: dict[str, float]) -> str:
    """The figures that say most, with the number of labels and their delay beside them."""
    labels = int(summary.get("labels", 0))
    if not labels:
        return "   no labels learned yet"
    shown = [text.format(summary[name]) for name, text in _SHOWN.items() if name in summary]
    shown = shown[:2]
    if not math.isnan(summary.get("card_precision", math.nan)):
        shown.append(_CARDS.format_map(summary))
    delay = summary.get("label_delay_seconds", 0.0)
    late = f", {delay / 86_400:.1f} days late" if delay >= 3600 else f", {delay:.0f} s late"
    return f"   {', '.join(shown)} on {labels:,} labels{late}"
