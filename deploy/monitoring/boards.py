"""The dashboards: what is wrong, how well it predicts, how it runs, and one partition of it."""

from __future__ import annotations

from deploy.monitoring.alerts import DEADLINE_S
from deploy.monitoring.panels import Board, Kind, Panel, Query, Row, Unit, quantile, rate, value
from streams import catalogue as of

__all__ = ["BOARDS"]

_P = "partition {{partition}}"


def _one(
    title: str,
    unit: Unit,
    expression: str,
    legend: str = "",
    *,
    kind: Kind = "lines",
    low: float | None = None,
    modest: float | None = None,
    warn: float | None = None,
    alarm: float | None = None,
    about: str = "",
) -> Panel:
    """A panel of one query."""
    query = Query(expression, legend or title.lower())
    return Panel(title, unit, (query,), kind, low, modest, warn, alarm, about)


def _shares(metric: str) -> str:
    return value(of.WORKER_QUALITY, "avg by (metric)", metric=metric)


def _delays(metric: of.Metric, /, **labels: str) -> tuple[Query, ...]:
    return tuple(
        Query(quantile(share, metric, **labels), f"p{share * 100:g}") for share in (0.5, 0.95, 0.99)
    )


def _gauges(metric: of.Metric, /, by: str = "partition", how: str = "max", **labels: str) -> str:
    return value(metric, f"{how} by ({by})", **labels)


_LAST_DAY = "1d"
_UNOWNED = (
    f"count(count by (pipeline, partition) "
    f"({value(of.EVENTS, over=f'last_over_time {_LAST_DAY}')}) "
    f"unless count by (pipeline, partition) ({value(of.EVENTS)})) or vector(0)"
)
_BY_PARTITION = rate(of.EVENTS, "partition")
_SKEW = f"max({_BY_PARTITION}) / avg({_BY_PARTITION})"
_DEAD_SHARE = f"{rate(of.DEAD_LETTERS)} / ({rate(of.DEAD_LETTERS)} + {rate(of.EVENTS)})"
_SILENCE = f"max({_gauges(of.LABEL_AGE)} / {_gauges(of.LABEL_GAP)})"
_LIFT = f"{_shares('window_average_precision')} / on () {_shares('window_base_rate')}"
_BUDGET = (
    f"{value(of.ALERTING, 'sum', measure='today')} / {value(of.ALERTING, 'sum', measure='budget')}"
)
_ALERTED = (
    f"{value(of.DECISIONS, 'sum', 'increase 1d', decision='true')} "
    f"/ {value(of.ALERTING, 'sum', measure='budget')}"
)
_CAME = "joined|early|duplicate|revised|orphan"
_REFUSED = {"measure": "skipped|not_finite"}
_CPU = 'rate(process_cpu_seconds_total{job="thalweg"}[$__rate_interval])'

_AT_A_GLANCE = Row(
    "What is wrong right now: red pages somebody",
    (
        _one("Partitions without owner", "short", _UNOWNED, "partitions", kind="number", alarm=1,
             about="Known in the last day, and served by no worker now."),
        _one("Furthest behind", "s", value(of.LAG_SECONDS, "max"), kind="number",
             warn=10, alarm=60),
        _one("99 of 100 scored within", "s", quantile(0.99, of.LATENCY_SECONDS), kind="number",
             warn=DEADLINE_S / 2, alarm=DEADLINE_S),
        _one("Records turned away", "percentunit", _DEAD_SHARE, kind="number",
             warn=1e-4, alarm=1e-3),
        _one("Silence of labels ÷ longest gap", "short", _SILENCE, kind="number", warn=1, alarm=2,
             about="Of the partition that has waited longest, by its own measure."),
        _one("Oldest checkpoint", "s", value(of.CHECKPOINT_AGE, "max"), kind="number",
             warn=300, alarm=900),
        _one("Not finite, last hour", "short",
             value(of.MODEL, "sum", "delta 1h", **_REFUSED), kind="number", alarm=1),
        _one("Average precision ÷ base rate", "short", _LIFT, kind="number", low=1.2, modest=2,
             about="1: no better than chance. Of the last labels, as old as they are late."),
        _one("Evidence of drift", "percentunit", value(of.MODEL, "max", measure="drift_evidence"),
             kind="number", warn=0.5, alarm=1, about="1: an alarm."),
        _one("Alert budget used today", "percentunit", _BUDGET, kind="number", warn=1,
             about="100 %: it is spent, and nothing is alerted until tomorrow, by event time."),
    ),
)  # fmt: skip

OVERVIEW = Board(
    "overview", "Thalweg: overview", "Is anything wrong with the model or its workers right now?",
    (
        _AT_A_GLANCE,
        Row("In, out, behind", (
            Panel("Events and predictions", "cps",
                  (Query(rate(of.EVENTS), "events"), Query(rate(of.PREDICTIONS), "predictions"))),
            Panel("Event to prediction", "s", _delays(of.LATENCY_SECONDS), alarm=DEADLINE_S),
            _one("Behind, in seconds", "s", _gauges(of.LAG_SECONDS), _P, alarm=60),
        )),
        Row("Model", (
            _one("Average precision, last labels", "short",
                 _shares("window_(average_precision|base_rate)"), "{{metric}}"),
            _one("Decisions", "cps", rate(of.DECISIONS, "decision"), "{{decision}}",
                 kind="stacked"),
            _one("Labels that came", "cps", rate(of.LABELS, "outcome", outcome=_CAME),
                 "{{outcome}}", kind="stacked", about="Without events that matured unlabelled."),
        )),
    ),
)  # fmt: skip

MODEL = Board(
    "model", "Thalweg: model quality", "How well does it predict, on labels that have come?",
    (
        Row("Ranking", (
            _one("Average precision", "short",
                 _shares("(window_)?average_precision|window_base_rate|"
                         "window_no_change_average_precision"), "{{metric}}"),
            _one("AUC", "short", _shares("(window_)?auc|window_auc_(low|high)"), "{{metric}}"),
            _one("At the budget", "percentunit",
                 _shares("window_(precision|recall)_at_budget(_ceiling)?"), "{{metric}}"),
        )),
        Row("Probabilities and decisions", (
            _one("Loss", "short",
                 _shares("window_(log_loss|prior_log_loss|brier|mae|no_change_mae)"), "{{metric}}"),
            _one("Calibration", "short", _shares("(window_)?calibration"), "{{metric}}",
                 about="Mean predicted over mean observed: 1 is right, above too sure of a yes."),
            _one("Precision and recall of decisions", "percentunit",
                 _shares("window_(precision|recall|base_rate|accuracy|no_change_accuracy)"),
                 "{{metric}}"),
        )),
        Row("Apart", (
            _one("Average precision by segment", "short",
                 value(of.SEGMENT_QUALITY, "avg by (field, value)", metric="average_precision"),
                 "{{field}}={{value}}"),
            _one("Average precision by partition", "short",
                 _gauges(of.QUALITY, how="avg", metric="window_average_precision"), _P),
            _one("Age of what is measured", "s",
                 value(of.QUALITY, "max by (metric)", metric="label_delay_.*"), "{{metric}}"),
        )),
        Row("Labels", (
            _one("What became of labels", "cps", rate(of.LABELS, "outcome"), "{{outcome}}",
                 kind="stacked"),
            _one("Learned", "cps", rate(of.LEARNED, "partition"), _P, kind="stacked"),
            _one("Events that wait for a label", "short", _gauges(of.PENDING_LABELS, how="sum"), _P,
                 kind="stacked"),
            _one("Rows that wait, in memory and on disk", "bytes",
                 value(of.PENDING_BYTES, "sum by (place)"), "{{place}}"),
            Panel("Time without a label", "s",
                  (Query(_gauges(of.LABEL_AGE), _P),
                   Query(value(of.LABEL_GAP, "max"), "longest gap"))),
        )),
        Row("Model and drift", (
            _one("Drift and challengers: evidence", "short",
                 value(of.MODEL, "max by (measure)",
                       measure="drift_evidence|background_evidence|evidence_.*"), "{{measure}}",
                 alarm=1),
            _one("Shift of inputs and scores", "short",
                 value(of.MODEL, "max by (measure)", measure="shift_.*|label_rate_ratio"),
                 "{{measure}}"),
            _one("Norm of the weights", "short", _gauges(of.MODEL, measure="norm"), _P),
            _one("Refused as not finite", "short",
                 value(of.MODEL, "sum by (measure)", **_REFUSED), "{{measure}}"),
        )),
        Row("Decisions", (
            _one("By decision", "cps", rate(of.DECISIONS, "decision"), "{{decision}}",
                 kind="stacked"),
            _one("Rules that fire", "cps", rate(of.RULES_FIRED, "rule"), "{{rule}}"),
            _one("Alerts against budget", "short",
                 value(of.ALERTING, "sum by (measure)", measure="today|budget"), "{{measure}}"),
            _one("Alerts of a day ÷ budget", "percentunit", _ALERTED, "of the budget",
                 about="By the clock, over the last 24 hours; outside 50 to 200 % pages somebody."),
            _one("Threshold", "short", _gauges(of.ALERTING, measure="threshold"), _P),
        )),
    ),
)  # fmt: skip

KAFKA = Board(
    "kafka", "Thalweg: Kafka and latency", "Where does the time go, and do the workers keep up?",
    (
        Row("Time", (
            Panel("Event to prediction", "s", _delays(of.LATENCY_SECONDS), alarm=DEADLINE_S),
            Panel("Transaction", "s", _delays(of.COMMIT_SECONDS)),
            _one("By partition, p99", "s", quantile(0.99, of.LATENCY_SECONDS, "partition"), _P),
        )),
        Row("Keeping up", (
            _one("Behind, in seconds", "s", _gauges(of.LAG_SECONDS), _P, alarm=60),
            _one("Behind, in records", "short", _gauges(of.LAG_RECORDS, how="sum"), _P,
                 kind="stacked"),
            _one("Events", "cps", rate(of.EVENTS, "partition"), _P, kind="stacked"),
            _one("Skew", "short", _SKEW, "busiest ÷ mean",
                 about="Events of the busiest partition over the mean of all: 1 is even, the "
                       "number of partitions is all on one. See docs/mixing.md."),
            _one("Busy", "percentunit", rate(of.SLICE_SECONDS, "partition", "_sum"), _P,
                 kind="stacked", about="Share of one core that computes slices."),
        )),
        Row("Slices and transactions", (
            _one("Slices", "cps", rate(of.SLICES, "partition"), _P, kind="stacked"),
            _one("Events a slice", "short", f"{rate(of.EVENTS)} / {rate(of.SLICES)}", "events"),
            _one("Commits", "cps", rate(of.COMMITS, "partition"), _P, kind="stacked"),
            _one("Off the compiled path", "percentunit",
                 f"{rate(of.ONE_BY_ONE)} / {rate(of.EVENTS)}", "decoded one by one"),
        )),
        Row("Not scored", (
            _one("Dead letters", "cps", rate(of.DEAD_LETTERS, "reason"), "{{reason}}",
                 kind="stacked"),
            _one("Came twice", "cps", rate(of.DROPPED, "partition"), _P, kind="stacked"),
        )),
        Row("What partitions tell each other", (
            Panel("Deltas", "cps",
                  (Query(rate(of.DELTAS_PUBLISHED), "published"),
                   Query(rate(of.DELTAS_FOLDED), "taken over, by all"))),
            _one("Bytes of deltas a second", "bytes",
                 rate(of.DELTAS_PUBLISHED_BYTES, "partition"), _P, kind="stacked"),
            _one("Behind the deltas' end", "short", _gauges(of.DELTAS_BEHIND), _P),
            _one("Divergence", "short", _gauges(of.DIVERGENCE), _P),
        )),
        Row("Checkpoints and recovery", (
            _one("Age", "s", _gauges(of.CHECKPOINT_AGE), _P, alarm=900),
            _one("Size", "bytes", _gauges(of.CHECKPOINT_BYTES), _P),
            _one("Time to write, p99", "s", quantile(0.99, of.CHECKPOINT_SECONDS), "p99"),
            Panel("Written and failed", "cps",
                  (Query(rate(of.CHECKPOINTS), "written"),
                   Query(rate(of.CHECKPOINTS_FAILED), "failed"))),
            _one("Left to compute again", "short", _gauges(of.RECOVERY_LEFT), _P),
        )),
        Row("Workers", (
            _one("Partitions owned", "short", value(of.ASSIGNED), "{{instance}}", kind="stacked"),
            _one("Rebalances", "short", value(of.REBALANCES, "sum", "increase 10m"),
                 "in ten minutes"),
            _one("Releases and models", "short", value(of.BUILD, "count by (version, model)"),
                 "{{version}} {{model}}", kind="stacked"),
            _one("Processor", "percentunit", _CPU, "{{instance}}"),
            _one("Memory", "bytes", 'process_resident_memory_bytes{job="thalweg"}', "{{instance}}"),
            _one("Open files", "short", 'process_open_fds{job="thalweg"}', "{{instance}}"),
        )),
    ),
)  # fmt: skip

_HERE = {"partition": "$partition"}
PARTITION = Board(
    "partition", "Thalweg: one partition", "What is the matter with this one?",
    (
        Row("Keeping up", (
            Panel("Events and predictions", "cps",
                  (Query(rate(of.EVENTS, **_HERE), "events"),
                   Query(rate(of.PREDICTIONS, **_HERE), "predictions"))),
            Panel("Event to prediction", "s", _delays(of.LATENCY_SECONDS, **_HERE),
                  alarm=DEADLINE_S),
            _one("Behind, in seconds", "s", _gauges(of.LAG_SECONDS, **_HERE), _P, alarm=60),
            _one("Behind, in records", "short", _gauges(of.LAG_RECORDS, **_HERE), _P),
        )),
        Row("Its work", (
            _one("Busy", "percentunit", rate(of.SLICE_SECONDS, "", "_sum", **_HERE), "of a core"),
            Panel("Transaction", "s", _delays(of.COMMIT_SECONDS, **_HERE)),
            _one("Dead letters", "cps", rate(of.DEAD_LETTERS, "reason", **_HERE), "{{reason}}",
                 kind="stacked"),
            Panel("Checkpoint and recovery", "short",
                  (Query(_gauges(of.CHECKPOINT_AGE, **_HERE), "age of the image, seconds"),
                   Query(_gauges(of.RECOVERY_LEFT, **_HERE), "offsets to compute again"))),
        )),
        Row("Its model", (
            _one("Average precision", "short",
                 value(of.QUALITY, "avg by (metric)",
                       metric="window_(average_precision|base_rate)", **_HERE), "{{metric}}"),
            _one("Labels that came", "cps",
                 rate(of.LABELS, "outcome", outcome=_CAME, **_HERE), "{{outcome}}",
                 kind="stacked"),
            _one("What the model tells", "short",
                 value(of.MODEL, "max by (measure)",
                       measure="learned|skipped|not_finite|weights|norm", **_HERE), "{{measure}}"),
            _one("Alerts against budget", "short",
                 value(of.ALERTING, "sum by (measure)", measure="today|budget", **_HERE),
                 "{{measure}}"),
        )),
    ),
    ("partition",),
)  # fmt: skip

BOARDS = (OVERVIEW, MODEL, KAFKA, PARTITION)
"""All of them."""
