"""What somebody is woken up for: a rule of Prometheus each, with what to do."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import fill
from typing import Any

from streams import catalogue as of

__all__ = ["DEADLINE_S", "RUNBOOKS", "Alert", "alerts", "rules", "runbooks", "span"]

DEADLINE_S = 0.5
"""By when 99 of 100 events are to have their score; one of the histogram's bounds."""

RUNBOOKS = "docs/runbooks.md"
"""Where the runbooks are: a page with a heading for each alert."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert.

    Attributes:
        name: in one word; the heading of its runbook.
        expression: in PromQL; it fires while there is an answer.
        minutes: for how long there has to be one.
        summary: one line, with the labels and the value of the answer.
        runbook: what it means, what to look at, what to do.
    """

    name: str
    expression: str
    minutes: float
    summary: str
    runbook: str


def alerts(pace: float = 1.0) -> tuple[Alert, ...]:
    """All of them.

    Args:
        pace: how much faster than in production time passes; a test takes seconds for minutes.
    """

    def within(minutes: float) -> str:
        return span(minutes, pace)

    def seconds(minutes: float) -> float:
        return minutes * 60 / pace

    events = f"rate({of.EVENTS.name}[{within(5)}])"
    bad = f"rate({of.DEAD_LETTERS.name}[{within(5)}])"
    owned = f"count by (pipeline, partition) ({of.EVENTS.name})"
    known = f"count by (pipeline, partition) (last_over_time({of.EVENTS.name}[{within(1440)}]))"
    lag = of.LAG_SECONDS.name
    age = f"max by (pipeline, partition) ({of.LABEL_AGE.name})"
    gap = f"max by (pipeline, partition) (max_over_time({of.LABEL_GAP.name}[{within(10_080)}]))"
    raised = f'sum by (pipeline) (increase({of.DECISIONS.name}{{decision="true"}}[{within(1440)}]))'
    budget = f'sum by (pipeline) ({of.ALERTING.name}{{measure="budget"}})'
    a_day_ago = f"sum by (pipeline) ({of.DECISIONS.name} offset {within(1440)})"
    buckets = f"sum by (pipeline, le) (rate({of.LATENCY_SECONDS.name}_bucket[{within(5)}]))"
    refused = f'{of.MODEL.name}{{measure=~"skipped|not_finite"}}'
    return (
        Alert(
            "ScoresLate",
            f"histogram_quantile(0.99, {buckets}) > {DEADLINE_S}",
            5,
            "{{ $labels.pipeline }}: one score in a hundred takes {{ $value | humanizeDuration }}",
            "Scores come after the deadline, so callers decide without them. Compare the lag: if "
            "it grows, the workers are too slow; add one, up to one a partition. If not, look at "
            "the time of a commit: far above `commit_interval_ms`, the brokers are slow. Of one "
            "partition only: its keys are skewed.",
        ),
        Alert(
            "LagRising",
            f"{lag} > {seconds(1):g} and deriv({lag}[{within(5)}]) > 0",
            2,
            "{{ $labels.pipeline }}/{{ $labels.partition }}: "
            "{{ $value | humanizeDuration }} behind, and falling back",
            "A partition computes less than comes in. No events a second: it stands still; its "
            "worker's log says why, and a restart is safe at any moment. Busy near 1: the core is "
            "full; add workers. It is computing again what was computed before: wait for "
            "`thalweg_recovery_left_offsets` to fall, and write checkpoints more often.",
        ),
        Alert(
            "LabelsMissing",
            f"{age} > clamp_min(2 * {gap}, {seconds(15):g})",
            1,
            "{{ $labels.pipeline }}/{{ $labels.partition }}: "
            "no label for {{ $value | humanizeDuration }}",
            "For twice as long as ever in the last week no label came; nothing is learned, and the "
            "figures of quality stand still. Scores go on. See whether the topic of labels grows: "
            "if not, its producer is down. If it does, see dead letters (the schema has changed) "
            "and orphans (the ids have). In a pipeline's first week a gap can be the first of its "
            "length, as over a weekend; silence the alert until then.",
        ),
        Alert(
            "ScoreNotFinite",
            f"delta({refused}[{within(10)}]) > 0",
            0,
            "{{ $labels.pipeline }}/{{ $labels.partition }}: the model refused "
            "{{ $value | humanize }} events or labels as not finite",
            "A feature or an estimator gave NaN or infinity. Such events are answered without a "
            "score, and a compiled model learns nothing of such a row. See which field is at its "
            "extremes (`thalweg tail`, events without a score), and bound or scale the feature. An "
            "estimator of River's that has become NaN itself stays so: go back with `thalweg "
            "checkpoints rollback`, and lower its learning rate.",
        ),
        Alert(
            "AlertsOffBudget",
            f"({raised} / ({budget} > 0) < 0.5 or {raised} / ({budget} > 0) > 2) "
            f"and on (pipeline) {a_day_ago}",
            30,
            "{{ $labels.pipeline }}: a day raised {{ $value | humanizePercentage }} of its alerts",
            "Investigators get twice the work, or half of it. See the rules that fire: one that "
            "has run wild goes into shadow. If the scores have moved, the threshold follows in a "
            "day of event time. Far too few: see whether events come at all, and how old they are. "
            "A simulation, whose days take seconds, is always beside its budget by the clock.",
        ),
        Alert(
            "CheckpointOld",
            f"{of.CHECKPOINT_AGE.name} > {seconds(15):g} and {events} > 0",
            0,
            "{{ $labels.pipeline }}/{{ $labels.partition }}: "
            "no image for {{ $value | humanizeDuration }}",
            "A restart now would compute all events since then again, before anything new. See "
            "`thalweg_checkpoints_failed_total` and the worker's log: the store is full or cannot "
            "be reached, or the image has outgrown the broker's largest message. Mend that before "
            "restarting anything.",
        ),
        Alert(
            "PartitionUnowned",
            f"{known} unless {owned}",
            2,
            "{{ $labels.pipeline }}/{{ $labels.partition }}: no worker owns it",
            "Events of these keys wait, and get no score. A worker has died and has not come back, "
            "or cannot be scraped. Start one with the same slot; others take over after the "
            "session's timeout. Once a pipeline is taken away for good, the alert ends in a day.",
        ),
        Alert(
            "DeadLetters",
            f"sum by (pipeline) ({bad}) "
            f"/ (sum by (pipeline) ({bad}) + sum by (pipeline) ({events})) > 0.001",
            2,
            "{{ $labels.pipeline }}: {{ $value | humanizePercentage }} of the records turned away",
            "More than one record in a thousand cannot be read. `thalweg dead-letters` shows them "
            "with the reason and the field. Have the producer mended, or the schema; then "
            "`thalweg dead-letters re-inject` puts them back, once each.",
        ),
    )  # fmt: skip


def rules(pace: float = 1.0, page: str = RUNBOOKS) -> dict[str, Any]:
    """The alerts as a rule file of Prometheus, before it is written as YAML.

    Args:
        pace: see `alerts`.
        page: where the runbooks are, a URL for those who are paged.
    """
    made = []
    for alert in alerts(pace):
        rule: dict[str, Any] = {"alert": alert.name, "expr": alert.expression}
        if alert.minutes:
            rule["for"] = span(alert.minutes, pace)
        rule["labels"] = {"severity": "page"}
        rule["annotations"] = {
            "summary": alert.summary,
            "description": alert.runbook,
            "runbook": f"{page}#{alert.name.lower()}",
        }
        made.append(rule)
    return {"groups": [{"name": "thalweg", "rules": made}]}


def runbooks() -> str:
    """A page with a section for each alert."""
    sections = [
        f"## {alert.name}\n\n"
        f"{fill(f'*Pages {_patience(alert.minutes)}.* {alert.runbook}', 100)}\n\n"
        f"```promql\n{alert.expression}\n```"
        for alert in alerts()
    ]
    return "\n\n".join(sections)


def span(minutes: float, pace: float) -> str:
    """A duration as Prometheus writes it, of at least a second."""
    seconds = max(1, round(minutes * 60 / pace))
    for unit, name in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds % unit == 0:
            return f"{seconds // unit}{name}"
    return f"{seconds}s"


def _patience(minutes: float) -> str:
    if not minutes:
        return "at once"
    return "after a minute" if minutes == 1 else f"after {minutes:g} minutes"
