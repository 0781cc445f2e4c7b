"""Observers: told what happens in a worker, by the slice and by the commit, never by the event."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from threading import Thread
from typing import Any, Literal, TypeAlias
from wsgiref.simple_server import WSGIServer

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server

from streams import catalogue
from streams.errors import SettingsError
from streams.joiner import Outcome
from streams.manifest import release
from streams.series import Series

__all__ = [
    "MetricsServer",
    "Observer",
    "Observers",
    "PrometheusObserver",
    "RecordingObserver",
    "Step",
    "serve",
]

Step: TypeAlias = Literal["begun", "sent", "imaged", "journalled", "offsets", "committed"]
"""How far a transaction has come: open; all output handed over; an image, if one was due; the
journal's entry, where there is a journal; all acknowledged and the offsets added; committed."""

_ARRIVED: frozenset[Outcome] = frozenset({"joined", "early", "duplicate", "revised"})
"""Outcomes of labels that somebody sent; the others befall events, or labels long held."""


class Observer:
    """What the runtime tells; this one does nothing with it.

    All hooks are called from the worker's event loop. A partition's hooks may come a moment before
    `on_assigned` names it, and none comes after `on_revoked` did.
    """

    def on_assigned(self, partitions: Sequence[int]) -> None:
        """These partitions were taken over, their state restored."""

    def on_revoked(self, partitions: Sequence[int]) -> None:
        """These partitions were committed and given up."""

    def on_slice(self, partition: int, events: int, predictions: int, seconds: float) -> None:
        """A slice was computed in `seconds`: so many events scored, so many to be published."""

    def on_labels(self, partition: int, outcomes: Mapping[Outcome, int], learned: int) -> None:
        """A slice brought labels to these outcomes, see `streams.joiner.Outcome`."""

    def on_decisions(
        self, partition: int, decisions: Mapping[str, int], rules: Mapping[str, int]
    ) -> None:
        """A slice was decided on: how often what, and how often each rule fired."""

    def on_dead_letters(self, partition: int, reasons: Mapping[str, int]) -> None:
        """Records were turned away, see `streams.codec.Reason`."""

    def on_dropped(self, partition: int, records: int) -> None:
        """So many records came a second time and were passed over."""

    def on_one_by_one(self, partition: int, records: int) -> None:
        """So many records were decoded one at a time, off the compiled path."""

    def on_latency(self, partition: int, seconds: NDArray[np.float64]) -> None:
        """Predictions were handed to the transaction, each so long after its event's record."""

    def on_commit(self, partition: int, seconds: float) -> None:
        """A transaction was committed, so long after it began."""

    def on_step(self, partition: int, step: Step) -> None:
        """A transaction has come so far."""

    def on_recovery(self, partition: int, left: int) -> None:
        """So many offsets are still to be computed again before anything new is published."""

    def on_checkpoint(self, partition: int, size: int, seconds: float) -> None:
        """An image of `size` bytes was written in `seconds`."""

    def on_checkpoint_failed(self, partition: int) -> None:
        """An image could not be written; the partition goes on without."""

    def on_lag(self, partition: int, records: int, seconds: float) -> None:
        """So many records wait; the newest computed is so old, 0 when none waits."""

    def on_pending(self, partition: int, events: int) -> None:
        """So many scored events wait for their label."""

    def on_pending_bytes(self, memory: int, disk: int) -> None:
        """What waits in this worker takes so much memory, and so much disk."""

    def on_quality(self, partition: int, summary: Mapping[str, float]) -> None:
        """The figures of `models.quality.Quality.summary`."""

    def on_worker_quality(self, summary: Mapping[str, float]) -> None:
        """The same figures over the labels of all partitions of the worker."""

    def on_worker_segments(self, segments: Mapping[tuple[str, str], Mapping[str, float]]) -> None:
        """The figures of `models.quality.Quality.segments` over all partitions of the worker."""

    def on_delta(self, partition: int, size: int) -> None:
        """A delta of `size` bytes is to be published."""

    def on_folded(self, partition: int, deltas: int) -> None:
        """So many deltas were taken over."""

    def on_deltas_behind(self, partition: int, offsets: int) -> None:
        """So many offsets of the deltas topic are still to be taken over."""

    def on_model(self, partition: int, summary: Mapping[str, float]) -> None:
        """The gauges of `models.protocol.Learner.summary`."""

    def on_alerting(self, partition: int, summary: Mapping[str, float]) -> None:
        """How a budget of alerts is used; see `models.alerts.Alerts.summary`."""


class Observers(Observer):
    """Several observers as one, told in the order given; one that ignores a hook is not called."""

    def __init__(self, *observers: Observer) -> None:
        for name in filter(_is_hook, dir(Observer)):
            idle = getattr(Observer, name)
            hooks = [getattr(observer, name) for observer in observers]
            heeded = [hook for hook in hooks if getattr(hook, "__func__", None) is not idle]
            setattr(self, name, heeded[0] if len(heeded) == 1 else _each(heeded))


def _is_hook(name: str) -> bool:
    return name.startswith("on_")


def _each(hooks: Sequence[Callable[..., None]]) -> Callable[..., None]:
    def tell(*told: Any, **named: Any) -> None:
        for hook in hooks:
            hook(*told, **named)

    return tell


class RecordingObserver(Observer):
    """Remembers what it was told, for tests.

    >>> observer = RecordingObserver()
    >>> observer.on_dropped(3, 1)
    >>> observer.calls
    [('on_dropped', 3, 1)]

    Attributes:
        calls: name of the hook and its arguments, in order.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("on_"):
            return super().__getattribute__(name)
        hook = signature(getattr(Observer(), name))

        def record(*told: Any, **named: Any) -> None:
            self.calls.append((name, *hook.bind(*told, **named).args))

        return record

    def of(self, hook: str) -> list[tuple[Any, ...]]:
        """The arguments of every call of one hook."""
        return [call[1:] for call in self.calls if call[0] == hook]


class PrometheusObserver(Observer):
    """Keeps the catalogue's metrics in a registry that `serve` serves.

    Args:
        pipeline: name that every series is labelled with.
        registry: where to register; a new one that has the process's own metrics as well.
        model: fingerprint of the pipeline.
        clock: seconds, from any origin.
        values: of labels whose values the pipeline declares; see `streams.deciding.label_values`.
    """

    def __init__(
        self,
        pipeline: str,
        registry: CollectorRegistry | None = None,
        model: str = "",
        clock: Callable[[], float] = time.monotonic,
        values: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        if registry is None:
            registry = CollectorRegistry()
            ProcessCollector(registry=registry)
        self.registry = registry
        self._partitions: set[int] = set()
        self._gaps: dict[int, float] = {}
        self._series = Series(pipeline, clock, values)
        self._series.set(catalogue.BUILD, 1, release(), model)
        self._series.set(catalogue.ASSIGNED, 0)
        self._series.add(catalogue.REBALANCES, 0)
        registry.register(self._series)

    def on_assigned(self, partitions: Sequence[int]) -> None:
        """See `Observer.on_assigned`."""
        self._series.add(catalogue.REBALANCES, 1)
        for partition in partitions:
            self._series.begin(partition)
            self._series.mark(catalogue.CHECKPOINT_AGE, partition)
            self._series.mark(catalogue.LABEL_AGE, partition)
            self._series.set(catalogue.DELTAS_BEHIND, 0, partition)
            self._series.set(catalogue.DIVERGENCE, 0, partition)
        self._partitions.update(partitions)
        self._series.set(catalogue.ASSIGNED, len(self._partitions))

    def on_revoked(self, partitions: Sequence[int]) -> None:
        """See `Observer.on_revoked`."""
        for partition in partitions:
            self._series.end(partition)
            self._gaps.pop(partition, None)
        self._partitions.difference_update(partitions)
        self._series.set(catalogue.ASSIGNED, len(self._partitions))

    def on_slice(self, partition: int, events: int, predictions: int, seconds: float) -> None:
        """See `Observer.on_slice`."""
        self._series.add(catalogue.SLICES, 1, partition)
        self._series.add(catalogue.EVENTS, events, partition)
        self._series.add(catalogue.PREDICTIONS, predictions, partition)
        self._series.observe(catalogue.SLICE_SECONDS, np.array([seconds]), partition)

    def on_labels(self, partition: int, outcomes: Mapping[Outcome, int], learned: int) -> None:
        """See `Observer.on_labels`."""
        self._series.add(catalogue.LEARNED, learned, partition)
        for outcome, count in outcomes.items():
            self._series.add(catalogue.LABELS, count, partition, outcome)
        if not _ARRIVED.isdisjoint(outcomes):
            gap = self._series.mark(catalogue.LABEL_AGE, partition)
            self._gaps[partition] = max(gap, self._gaps.get(partition, 0.0))
            self._series.set(catalogue.LABEL_GAP, self._gaps[partition], partition)

    def on_decisions(
        self, partition: int, decisions: Mapping[str, int], rules: Mapping[str, int]
    ) -> None:
        """See `Observer.on_decisions`."""
        for decision, count in decisions.items():
            self._series.add(catalogue.DECISIONS, count, partition, decision)
        for rule, count in rules.items():
            self._series.add(catalogue.RULES_FIRED, count, partition, rule)

    def on_dead_letters(self, partition: int, reasons: Mapping[str, int]) -> None:
        """See `Observer.on_dead_letters`."""
        for reason, count in reasons.items():
            self._series.add(catalogue.DEAD_LETTERS, count, partition, reason)

    def on_dropped(self, partition: int, records: int) -> None:
        """See `Observer.on_dropped`."""
        self._series.add(catalogue.DROPPED, records, partition)

    def on_one_by_one(self, partition: int, records: int) -> None:
        """See `Observer.on_one_by_one`."""
        self._series.add(catalogue.ONE_BY_ONE, records, partition)

    def on_latency(self, partition: int, seconds: NDArray[np.float64]) -> None:
        """See `Observer.on_latency`."""
        # A producer's clock may be ahead of ours; a sum that falls would read as a restart.
        self._series.observe(catalogue.LATENCY_SECONDS, np.maximum(seconds, 0.0), partition)

    def on_commit(self, partition: int, seconds: float) -> None:
        """See `Observer.on_commit`."""
        self._series.add(catalogue.COMMITS, 1, partition)
        self._series.observe(catalogue.COMMIT_SECONDS, np.array([seconds]), partition)

    def on_checkpoint(self, partition: int, size: int, seconds: float) -> None:
        """See `Observer.on_checkpoint`."""
        self._series.add(catalogue.CHECKPOINTS, 1, partition)
        self._series.mark(catalogue.CHECKPOINT_AGE, partition)
        self._series.set(catalogue.CHECKPOINT_BYTES, size, partition)
        self._series.observe(catalogue.CHECKPOINT_SECONDS, np.array([seconds]), partition)

    def on_checkpoint_failed(self, partition: int) -> None:
        """See `Observer.on_checkpoint_failed`."""
        self._series.add(catalogue.CHECKPOINTS_FAILED, 1, partition)

    def on_recovery(self, partition: int, left: int) -> None:
        """See `Observer.on_recovery`."""
        self._series.set(catalogue.RECOVERY_LEFT, left, partition)

    def on_lag(self, partition: int, records: int, seconds: float) -> None:
        """See `Observer.on_lag`."""
        self._series.set(catalogue.LAG_RECORDS, records, partition)
        self._series.set(catalogue.LAG_SECONDS, seconds, partition)

    def on_pending(self, partition: int, events: int) -> None:
        """See `Observer.on_pending`."""
        self._series.set(catalogue.PENDING_LABELS, events, partition)

    def on_pending_bytes(self, memory: int, disk: int) -> None:
        """See `Observer.on_pending_bytes`."""
        self._series.set(catalogue.PENDING_BYTES, memory, "memory")
        self._series.set(catalogue.PENDING_BYTES, disk, "disk")

    def on_quality(self, partition: int, summary: Mapping[str, float]) -> None:
        """See `Observer.on_quality`."""
        for name, figure in summary.items():
            self._series.set(catalogue.QUALITY, figure, partition, name)

    def on_worker_quality(self, summary: Mapping[str, float]) -> None:
        """See `Observer.on_worker_quality`."""
        for name, figure in summary.items():
            self._series.set(catalogue.WORKER_QUALITY, figure, name)

    def on_worker_segments(self, segments: Mapping[tuple[str, str], Mapping[str, float]]) -> None:
        """See `Observer.on_worker_segments`."""
        figures: dict[tuple[str, ...], float] = {
            (*place, name): figure
            for place, summary in segments.items()
            for name, figure in summary.items()
        }
        self._series.replace(catalogue.SEGMENT_QUALITY, figures)

    def on_delta(self, partition: int, size: int) -> None:
        """See `Observer.on_delta`."""
        self._series.add(catalogue.DELTAS_PUBLISHED, 1, partition)
        self._series.add(catalogue.DELTAS_PUBLISHED_BYTES, size, partition)

    def on_folded(self, partition: int, deltas: int) -> None:
        """See `Observer.on_folded`."""
        self._series.add(catalogue.DELTAS_FOLDED, deltas, partition)

    def on_deltas_behind(self, partition: int, offsets: int) -> None:
        """See `Observer.on_deltas_behind`."""
        self._series.set(catalogue.DELTAS_BEHIND, offsets, partition)

    def on_model(self, partition: int, summary: Mapping[str, float]) -> None:
        """See `Observer.on_model`."""
        for name, figure in summary.items():
            if name == "divergence":
                self._series.set(catalogue.DIVERGENCE, figure, partition)
            else:
                self._series.set(catalogue.MODEL, figure, partition, name)

    def on_alerting(self, partition: int, summary: Mapping[str, float]) -> None:
        """See `Observer.on_alerting`."""
        for name, figure in summary.items():
            self._series.set(catalogue.ALERTING, figure, partition, name)


class MetricsServer:
    """Serves a registry over HTTP from threads of its own.

    Attributes:
        port: that it listens on.
    """

    def __init__(self, server: WSGIServer, thread: Thread) -> None:
        self.port = server.server_port
        self._server = server
        self._thread = thread

    def stop(self) -> None:
        """Stop serving and give the port back."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def serve(registry: CollectorRegistry, host: str = "127.0.0.1", port: int = 9764) -> MetricsServer:
    """Serve a registry at ``http://host:port/metrics``; port 0 takes any that is free.

    Raises:
        SettingsError: the address cannot be listened on.
    """
    try:
        return MetricsServer(*start_http_server(port, host, registry))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise SettingsError(
                f"metrics_port={port} on {host}",
                "another process listens there, perhaps another worker",
                f"--metrics-port {port + 1}, or 0 for no metrics",
            ) from error
        raise SettingsError(
            f"metrics_host={host!r}, metrics_port={port}",
            f"this machine cannot listen there: {error.strerror}",
            "--metrics-host 127.0.0.1, or 0.0.0.0 for all of its addresses",
        ) from error
