"""Every metric a worker exports: its type, unit, labels, meaning, and what to do about it.

The exporter, the dashboards, the alert rules and the table in the documentation come from here;
``python -m streams.catalogue`` prints the table. A label's values are few and known beforehand: no
key, id or message of an event ever becomes one. Values of a field do where `Measure` names it, the
first twenty of those that have a hundred labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from streams.codec import Reason
from streams.joiner import Outcome

__all__ = ["CLOSED_LABELS", "DECLARED_LABELS", "METRICS", "Metric", "MetricType", "markdown"]

MetricType: TypeAlias = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes:
        name: as exported; counters end in ``_total``.
        type: as Prometheus knows it.
        unit: of a value; a base unit (seconds, bytes) or what is counted.
        labels: names of the labels.
        meaning: what a value says.
        action: what to look at, or do, when it is out of the ordinary.
        buckets: upper bounds of a histogram's buckets, ascending, without infinity.
    """

    name: str
    type: MetricType
    unit: str
    labels: tuple[str, ...]
    meaning: str
    action: str
    buckets: tuple[float, ...] = ()


CLOSED_LABELS: Mapping[str, tuple[str, ...]] = {
    "outcome": get_args(Outcome),
    "place": ("memory", "disk"),
    "reason": get_args(Reason),
}
"""Labels whose values are all known: such a series exists, at 0, before the first occurrence."""

DECLARED_LABELS: tuple[str, ...] = ("decision", "rule")
"""Labels whose values a pipeline declares; as with the closed ones, each series exists at once."""

_WORKER = ("pipeline",)
_PARTITION = ("pipeline", "partition")
_LATENCIES = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
)  # fmt: skip
_DURATIONS = (0.0001, 0.00025, 0.0005, *_LATENCIES[:-2])

BUILD = Metric(
    "thalweg_build_info", "gauge", "1", ("pipeline", "version", "model"),
    "Always 1; its labels tell the release and the fingerprint of the pipeline.",
    "More than one model a pipeline: a roll-out is under way, or has stopped half way.",
)  # fmt: skip
ASSIGNED = Metric(
    "thalweg_assigned_partitions", "gauge", "partitions", _WORKER,
    "Partitions this worker owns.",
    "The sum over workers is below the number of partitions: one has no owner; see the group.",
)  # fmt: skip
REBALANCES = Metric(
    "thalweg_rebalances_total", "counter", "rebalances", _WORKER,
    "Times the group gave this worker its partitions anew.",
    "More than a deployment explains: members time out; give workers a slot, look at pauses.",
)  # fmt: skip

SLICES = Metric(
    "thalweg_slices_total", "counter", "slices", _PARTITION,
    "Slices of records computed, of events, of labels and of deltas.",
    "Few events a slice at a high rate: raise fetch_wait_ms or fetch_bytes.",
)  # fmt: skip
EVENTS = Metric(
    "thalweg_events_total", "counter", "events", _PARTITION,
    "Events scored; after a restart, those computed again are among them.",
    "Flat while lag grows: the partition stands still; see the worker's log.",
)  # fmt: skip
PREDICTIONS = Metric(
    "thalweg_predictions_total", "counter", "predictions", _PARTITION,
    "Predictions made, one an event.",
    "Below the events for long: events are computed again after a restart and published once.",
)  # fmt: skip
SLICE_SECONDS = Metric(
    "thalweg_slice_seconds", "histogram", "seconds", _PARTITION,
    "Time to compute a slice: decode, encode, score, decide, join, learn, measure, mix.",
    "Its sum a second near 1: the worker's core is full; add workers, or make the model cheaper.",
    _DURATIONS,
)  # fmt: skip
LATENCY_SECONDS = Metric(
    "thalweg_latency_seconds", "histogram", "seconds", _PARTITION,
    "From an event's record timestamp until its prediction is handed to the open transaction.",
    "Over the deadline: compare with lag (too slow) and commit time (the broker is).",
    _LATENCIES,
)  # fmt: skip
DEAD_LETTERS = Metric(
    "thalweg_dead_letters_total", "counter", "records", (*_PARTITION, "reason"),
    "Records turned away, by reason.",
    "Above 0.1 % of the events: a producer has changed; thalweg dead-letters shows them.",
)  # fmt: skip
DROPPED = Metric(
    "thalweg_dropped_total", "counter", "records", _PARTITION,
    "Records that came a second time and were passed over.",
    "Expected after a restart; at other times a sign of two owners: see rebalances.",
)  # fmt: skip
ONE_BY_ONE = Metric(
    "thalweg_one_by_one_total", "counter", "records", _PARTITION,
    "Records decoded one at a time, off the compiled path: correct, and several times dearer.",
    "A large share of the events: see docs/performance.md for what the compiled path can read.",
)  # fmt: skip
LAG_RECORDS = Metric(
    "thalweg_lag_records", "gauge", "records", _PARTITION,
    "Records of the input topics that are not computed yet.",
    "Rising: the worker is slower than the producers; add workers.",
)  # fmt: skip
LAG_SECONDS = Metric(
    "thalweg_lag_seconds", "gauge", "seconds", _PARTITION,
    "Age of the newest record computed, while others wait; 0 when none does.",
    "Above 60 and rising: page; one partition only: its keys are skewed.",
)  # fmt: skip

LABELS = Metric(
    "thalweg_labels_total", "counter", "labels", (*_PARTITION, "outcome"),
    "Labels, and events that wait for one, by what became of them.",
    "No joined or matured ones for twice the usual gap: the source of labels is down. "
    "Orphan or evicted ones: remember more, or send ids that match.",
)  # fmt: skip
LEARNED = Metric(
    "thalweg_learned_total", "counter", "labels", _PARTITION,
    "Labels learned.",
    "Flat while labels come: they are of unknown ids; see the outcomes.",
)  # fmt: skip
PENDING_LABELS = Metric(
    "thalweg_pending_labels", "gauge", "events", _PARTITION,
    "Scored events whose label has not come and that have not matured.",
    "Near the pipeline's bound: old ones are evicted unlearned; raise remember.",
)  # fmt: skip
PENDING_BYTES = Metric(
    "thalweg_pending_bytes", "gauge", "bytes", (*_WORKER, "place"),
    "Rows and answers that wait for a label, in memory and on disk, where pending_directory is "
    "set; what is in memory is on disk as well.",
    "On disk near what the disk holds: when it is full the worker stops; give it a larger one, "
    "more workers, or have less wait.",
)  # fmt: skip
LABEL_AGE = Metric(
    "thalweg_label_age_seconds", "gauge", "seconds", _PARTITION,
    "Time since a label came, or since the partition was taken over.",
    "Above twice thalweg_label_gap_seconds: page; the source of labels is down, or its topic.",
)  # fmt: skip
LABEL_GAP = Metric(
    "thalweg_label_gap_seconds", "gauge", "seconds", _PARTITION,
    "The longest time without a label, before one came, since the partition was taken over.",
    "What is usual for this partition; far above that of others: its keys get no labels.",
)  # fmt: skip
QUALITY = Metric(
    "thalweg_quality", "gauge", "1", (*_PARTITION, "metric"),
    "Progressive figures on learned labels, all of them and the last ones (window_…), with 95 % "
    "intervals (…_low, …_high) and what a perfect model would get (…_ceiling); and, where Measure "
    "asks for them, others (see docs/quality.md). NaN where one is not defined yet.",
    "Average precision near base_rate, or accuracy at no_change_accuracy: the model has nothing "
    "to say; look at the labels, the features, and for drift.",
)  # fmt: skip
WORKER_QUALITY = Metric(
    "thalweg_worker_quality", "gauge", "1", (*_WORKER, "metric"),
    "The figures of thalweg_quality over the labels of all partitions of this worker together.",
    "As for thalweg_quality; a partition far below it has other keys or labels than the rest.",
)  # fmt: skip
SEGMENT_QUALITY = Metric(
    "thalweg_segment_quality", "gauge", "1", (*_WORKER, "field", "value", "metric"),
    "The main figures apart for each value of the fields that Measure names, over all partitions "
    "of this worker; values after the first twenty, or of few labels, are pooled as other.",
    "One value far below the rest: look at its events; nearly all labels in other: the field has "
    "too many values to tell apart.",
)  # fmt: skip
MODEL = Metric(
    "thalweg_model", "gauge", "1", (*_PARTITION, "measure"),
    "What the model tells of itself, such as learned, skipped, weights (not zero) and norm; and "
    "what windows hold and have lost: window_events and window_keys, window_evicted events and "
    "window_forgotten keys for want of room, window_too_late events. Of Adaptive models the "
    "drift_… figures (docs/drift.md), of contests champion_…, evidence_… and promotions "
    "(docs/challengers.md).",
    "As skipped grows, rows are not finite; as norm grows without end, the learning rate is too "
    "high. As window_evicted or window_forgotten grows, remember more; as window_too_late grows, "
    "allow for later events. As drift_alarms rises, ask what has changed.",
)  # fmt: skip

DECISIONS = Metric(
    "thalweg_decisions_total", "counter", "events", (*_PARTITION, "decision"),
    "Events by what was decided on them, where the pipeline declares an alert budget, bands or "
    "rules; an alert is the decision true.",
    "Another mix than usual: look at the scores, the rules that fire, and the input.",
)  # fmt: skip
RULES_FIRED = Metric(
    "thalweg_rules_fired_total", "counter", "events", (*_PARTITION, "rule"),
    "Events that a rule of the pipeline fired on, in shadow or not.",
    "None for long: the rule is out of date; far more than usual: it stops the good ones too.",
)  # fmt: skip
ALERTING = Metric(
    "thalweg_alerting", "gauge", "1", (*_PARTITION, "measure"),
    "The alert budget: alerts today and their budget (of this partition), the threshold of the "
    "last event (NaN: the budget is spent), and its version.",
    "Today far below the budget at the end of a day, or at it in the morning: the scores have "
    "moved; the threshold follows by the next day.",
)  # fmt: skip

DELTAS_PUBLISHED = Metric(
    "thalweg_deltas_published_total", "counter", "deltas", _PARTITION,
    "What it told the other partitions: its learner, where the pipeline mixes, and its shared "
    "windows.",
    "None while labels are learned: its divergence stays small, or its last delta does not come "
    "back; compare with thalweg_deltas_behind.",
)  # fmt: skip
DELTAS_PUBLISHED_BYTES = Metric(
    "thalweg_deltas_published_bytes_total", "counter", "bytes", _PARTITION,
    "Bytes of what it told them.",
    "A large share of the input's bytes: raise Mixing's divergence; of shared windows it is about "
    "20 bytes an event each.",
)  # fmt: skip
DELTAS_FOLDED = Metric(
    "thalweg_deltas_folded_total", "counter", "deltas", _PARTITION,
    "Deltas of all partitions taken over; after a restart, those computed again are among them.",
    "Another rate than in other partitions for long: this one is behind the deltas' end.",
)  # fmt: skip
DELTAS_BEHIND = Metric(
    "thalweg_deltas_behind", "gauge", "offsets", _PARTITION,
    "Offsets of the deltas topic that are not taken over yet; 0 where the pipeline has none.",
    "Rising: its model and its shared windows lag behind the others'; the worker is too slow, or "
    "recovers.",
)  # fmt: skip

DIVERGENCE = Metric(
    "thalweg_divergence", "gauge", "bands", _PARTITION,
    "How far the weight that is farthest from what the other partitions know of it is, in "
    "Mixing's divergence: beyond 1 it is told at the next look. 0 where nothing mixes.",
    "Far beyond 1 for long: its last delta does not come back (thalweg_deltas_behind), or a look "
    "comes too seldom: lower Mixing's look_every.",
)  # fmt: skip

COMMITS = Metric(
    "thalweg_commits_total", "counter", "transactions", _PARTITION,
    "Transactions committed.",
    "Flat while events are computed: nothing becomes visible; see commit time and the broker.",
)  # fmt: skip
COMMIT_SECONDS = Metric(
    "thalweg_commit_seconds", "histogram", "seconds", _PARTITION,
    "From the begin of a transaction to its commit, the commit interval included.",
    "Far above commit_interval_ms: the broker is slow, or too many partitions commit; raise it.",
    _LATENCIES,
)  # fmt: skip
CHECKPOINTS = Metric(
    "thalweg_checkpoints_total", "counter", "checkpoints", _PARTITION,
    "Images of the state written.",
    "Flat while events are computed: recovery takes longer every minute; see the worker's log.",
)  # fmt: skip
CHECKPOINT_SECONDS = Metric(
    "thalweg_checkpoint_seconds", "histogram", "seconds", _PARTITION,
    "Time to write an image.",
    "Near the checkpoint interval: the state is large for the broker; lengthen the interval.",
    _LATENCIES,
)  # fmt: skip
CHECKPOINT_BYTES = Metric(
    "thalweg_checkpoint_bytes", "gauge", "bytes", _PARTITION,
    "Size of the newest image.",
    "Grows without end: something remembered is not bounded; see pending labels.",
)  # fmt: skip
CHECKPOINTS_FAILED = Metric(
    "thalweg_checkpoints_failed_total", "counter", "checkpoints", _PARTITION,
    "Images of the state that could not be written; the stream goes on without.",
    "Any: the store is full or out of reach; recovery takes longer every minute, see the log.",
)  # fmt: skip
RECOVERY_LEFT = Metric(
    "thalweg_recovery_left_offsets", "gauge", "offsets", _PARTITION,
    "Offsets to be computed again, since the image, before anything new is published.",
    "Not falling: the log cannot be read, see fetches; large after each restart: write "
    "checkpoints more often.",
)  # fmt: skip
CHECKPOINT_AGE = Metric(
    "thalweg_checkpoint_age_seconds", "gauge", "seconds", _PARTITION,
    "Time since the newest image was written, or since the partition was taken over.",
    "Above 15 minutes while events come: page; a restart would compute all of them again.",
)  # fmt: skip

METRICS: tuple[Metric, ...] = (
    BUILD, ASSIGNED, REBALANCES,
    SLICES, EVENTS, PREDICTIONS, SLICE_SECONDS, LATENCY_SECONDS, DEAD_LETTERS, DROPPED,
    ONE_BY_ONE, LAG_RECORDS, LAG_SECONDS,
    LABELS, LEARNED, PENDING_LABELS, PENDING_BYTES, LABEL_AGE, LABEL_GAP,
    QUALITY, WORKER_QUALITY, SEGMENT_QUALITY, MODEL,
    DECISIONS, RULES_FIRED, ALERTING,
    DELTAS_PUBLISHED, DELTAS_PUBLISHED_BYTES, DELTAS_FOLDED, DELTAS_BEHIND, DIVERGENCE,
    COMMITS, COMMIT_SECONDS, CHECKPOINTS, CHECKPOINT_SECONDS, CHECKPOINT_BYTES,
    CHECKPOINT_AGE, CHECKPOINTS_FAILED, RECOVERY_LEFT,
)  # fmt: skip
"""All of them, in the order a reader wants."""


def markdown() -> str:
    """The catalogue as a Markdown table."""
    lines = [
        "| metric | type | unit | labels | meaning | what to do |",
        "|---|---|---|---|---|---|",
    ]
    for metric in METRICS:
        labels = ", ".join(metric.labels)
        cells = (
            f"`{metric.name}`",
            metric.type,
            metric.unit,
            labels,
            metric.meaning,
            metric.action,
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(markdown())
