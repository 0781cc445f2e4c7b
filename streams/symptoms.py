"""What is wrong with a model right now, in words; each with what to do about it."""

from __future__ import annotations

import math
from collections.abc import Iterator

from streams.diagnosis import Finding
from streams.facts import Facts
from streams.figures import known

__all__ = ["symptoms"]

_ORDER = ("wrong", "doubtful", "good")
_SHIFT = 0.25
_SHOWN = 3
_MISSING = 0.05
_POSITIVES = 50
_TRUSTED = 0.8, 1.25
_SEGMENT_AUC = 0.1
_SEGMENT_POSITIVES = 10
_LETTERS = 0.001, 0.01
_ORPHANS = 0.01
_SILENT = 0.01
_DELAYED = 2.0
_FALLEN = 0.7
_LAG_S = 60.0


def symptoms(facts: Facts) -> list[Finding]:
    """All that is out of the ordinary, the worst first; one that says so where nothing is."""
    looks = (_labels, _worth, _trend, _trust, _apart, _inputs, _letters, _model, _expected, _live)
    found = [finding for look in looks for finding in look(facts)]
    found.sort(key=lambda finding: _ORDER.index(finding.severity))
    if all(finding.severity == "good" for finding in found):
        found.insert(0, Finding("all", "good", "nothing looks wrong"))
    return found


def _labels(facts: Facts) -> Iterator[Finding]:
    """Whether labels come, in time and for events that are known."""
    if not facts.summary.events:
        yield Finding("events", "wrong", "no event was scored", "look at the range, and the topic")
        return
    if facts.pipeline.labels is None:
        yield Finding("labels", "doubtful", "no label says how good a score was", "labels=")
        return
    if not facts.labelled:
        yield Finding(
            "labels", "wrong", "no label was learned: nothing is known of how good the scores are",
            "thalweg check shows which topic or field labels are expected in, and with which ids",
        )  # fmt: skip
        return
    outcomes = facts.notes.outcomes
    came = sum(outcomes[name] for name in ("joined", "early", "duplicate", "revised", "orphan"))
    for count, whole, why in (
        (outcomes["orphan"], came, "the labels are of events that never came, or were forgotten"),
        (
            outcomes["evicted"],
            facts.summary.events,
            "the events were forgotten before their label came, for want of room",
        ),
    ):
        if count > _ORPHANS * max(whole, 1):
            told = f"{_share(count, whole)} of {why}"
            yield Finding("labels", "doubtful", told, "raise remember=, or send ids that match")
    key = "label_delay_p50_seconds"
    then, now = facts.then.get(key, math.nan), facts.now.get(key, math.nan)
    if now > max(_DELAYED * then, 60.0):
        yield Finding(
            "labels",
            "doubtful",
            f"labels come later: after {_time(now)}, it was {_time(then)}",
            "what is learned is as old as the labels: look at what sends them",
        )


def _worth(facts: Facts) -> Iterator[Finding]:
    """Whether it is better than what needs no model, on the newest labels."""
    main, now = facts.main, facts.now
    if not known(now, main.key):
        return
    figure = now[main.key]
    told = f"{main.name} is {figure:.3g}"
    end = now.get(f"{main.key}_{'low' if main.rises else 'high'}", math.nan)
    sure = figure if math.isnan(end) else end
    floors = {name: now[key] for key, name in main.floors.items() if known(now, key)}
    reached = {name: it for name, it in floors.items() if (sure <= it) == main.rises}
    if reached:
        held = " and ".join(f"{name} gets {value:.3g}" for name, value in reached.items())
        yield Finding(
            "quality", "wrong", f"{told}, which cannot be told from what needs no model: {held}",
            "look at the labels, the features and for drift; thalweg audit takes single scores "
            "apart",
        )  # fmt: skip
        return
    beside = ", ".join(f"{name} gets {value:.3g}" for name, value in floors.items())
    yield Finding("quality", "good", f"{told}; {beside}" if beside else told)
    if now.get("alerts", 0.0) and known(now, "precision"):
        yield Finding(
            "decisions", "good",
            f"of 100 that are decided yes {_of_100(now['precision'])} are right, and of 100 that "
            f"should be {_of_100(now['recall'])} are",
        )  # fmt: skip
    elif now.get("positives", 0.0) >= _POSITIVES:
        yield Finding(
            "decisions", "wrong", f"none of {now['positives']:,.0f} positives was decided yes",
            "lower the threshold: thalweg what-if shows what others would have done",
        )  # fmt: skip


def _trend(facts: Facts) -> Iterator[Finding]:
    """Whether it has become worse than chance explains."""
    main, then, now = facts.main, facts.then, facts.now
    ends = (f"{main.key}_low", f"{main.key}_high")
    before, after = ([of.get(end, math.nan) for end in ends] for of in (then, now))
    fell = after[1] < before[0] if main.rises else after[0] > before[1]
    rose = after[0] > before[1] if main.rises else after[1] < before[0]
    told = f"{main.name} was {then.get(main.key, math.nan):.3g} in the third of the labels before, "
    told += f"and is {now.get(main.key, math.nan):.3g}: more than chance explains"
    if fell:
        rates = [of.get("base_rate", math.nan) for of in (then, now)]
        if rates[1] < rates[0] * _TRUSTED[0]:
            told += f"; positives became fewer, {rates[0]:.2%} to {rates[1]:.2%}, which lowers it"
        yield Finding(
            "trend", "wrong", told, "see which inputs and segments changed; models.Adaptive reacts"
        )
    elif rose:
        yield Finding("trend", "good", told)


def _trust(facts: Facts) -> Iterator[Finding]:
    """Whether probabilities are ones."""
    now = facts.now
    if now.get("positives", 0.0) < _POSITIVES or not known(now, "calibration"):
        return
    ratio = now["calibration"]
    if now["log_loss"] > now["prior_log_loss"]:
        yield Finding(
            "probabilities", "wrong",
            f"log loss is {now['log_loss']:.3g}, and {now['prior_log_loss']:.3g} for one who only "
            "knows the share of positives", "decide by rank (AlertBudget) and not by a threshold",
        )  # fmt: skip
    elif not _TRUSTED[0] <= ratio <= _TRUSTED[1]:
        yield Finding(
            "probabilities", "doubtful", f"{ratio:.2g} times as many positives are predicted as "
            "there are", "a threshold stops another share than it seems to: decide by rank",
        )  # fmt: skip


def _apart(facts: Facts) -> Iterator[Finding]:
    """Whether it fails in one segment."""
    overall = facts.quality.get("auc", math.nan)
    for (field, value), figures in facts.segments.items():
        auc = figures.get("auc", math.nan)
        enough = figures.get("positives", 0.0) >= _SEGMENT_POSITIVES
        if enough and auc < overall - _SEGMENT_AUC:
            yield Finding(
                "segment", "doubtful", f"ROC AUC is {auc:.3f} where {field} is {value}, "
                f"{overall:.3f} overall", "look at its events: thalweg replay --to-file",
            )  # fmt: skip


def _inputs(facts: Facts) -> Iterator[Finding]:
    """Whether events or scores are other than they were."""
    last = facts.history.latest()
    if last is None:
        return
    moved = {name: by for name, by in last.shifts.items() if by > _SHIFT}
    if moved:
        names = sorted(moved, key=moved.__getitem__, reverse=True)
        listed = ", ".join(f"{name} ({moved[name]:.2f})" for name in names[:_SHOWN])
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        yield Finding(
            "inputs", "doubtful", f"values are spread otherwise than before: {listed}{more}",
            "ask who produces them; the numbers are stability indices, above 0.25 much has changed",
        )  # fmt: skip
    gaps = facts.points[0].missing
    for name, share in last.missing.items():
        if share > gaps[name] + _MISSING:
            yield Finding(
                "inputs", "doubtful", f"{name} is missing in {share:.1%} of the events, it was "
                f"{gaps[name]:.1%}", "ask who produces it",
            )  # fmt: skip
    if last.score_shift > _SHIFT:
        yield Finding(
            "scores", "doubtful", f"scores are spread otherwise than before "
            f"({last.score_shift:.2f})", "a fixed threshold stops another share of the events now",
        )  # fmt: skip


def _letters(facts: Facts) -> Iterator[Finding]:
    """Whether records are turned away."""
    turned, records = sum(facts.notes.turned_away.values()), facts.notes.records
    doubtful, wrong = _LETTERS
    if turned > doubtful * records:
        reasons = ", ".join(f"{it} {n:,}" for it, n in facts.notes.turned_away.most_common(_SHOWN))
        yield Finding(
            "records", "wrong" if turned > wrong * records else "doubtful",
            f"{_share(turned, records)} of the records were turned away: {reasons}",
            "thalweg dead-letters list PIPELINE shows them",
        )  # fmt: skip


def _model(facts: Facts) -> Iterator[Finding]:
    """What the model says of itself."""
    told, quality = facts.model, facts.quality
    if alarms := told.get("drift_alarms", 0.0):
        swaps = told.get("drift_swaps", 0.0)
        yield Finding(
            "drift", "doubtful", f"the model noticed {alarms:.0f} times that it became worse, and "
            f"was replaced {swaps:.0f} times", "see when, below, and what changed then",
        )  # fmt: skip
    if told.get("skipped", 0.0):
        yield Finding(
            "model", "doubtful", f"{told['skipped']:,.0f} labels could not be learned: the step "
            "would not have been finite", "lower the learning rate, or bound the numbers",
        )  # fmt: skip
    silent = quality.get("labels", 0.0) - quality.get("answered", 0.0)
    if silent > _SILENT * quality.get("labels", 0.0):
        yield Finding(
            "model", "doubtful", f"{silent:,.0f} events with a label had no score",
            "a model that is not warm answers nothing, and so does one whose numbers overflow",
        )  # fmt: skip


def _expected(facts: Facts) -> Iterator[Finding]:
    """Whether it is expected to be worse on events that have no label yet."""
    expected = facts.quality.get("estimated_average_precision", math.nan)
    lately = facts.quality.get("window_average_precision", math.nan)
    if expected < _FALLEN * lately:
        yield Finding(
            "expected", "doubtful", f"of events without a label yet, average precision is expected "
            f"at {expected:.3g}; on the last labels it was {lately:.3g}",
            "the mix of events has changed: see the inputs",
        )  # fmt: skip


def _live(facts: Facts) -> Iterator[Finding]:
    """Whether the group keeps up."""
    live = facts.live
    if live is None:
        return
    if unowned := [it.number for it in live.partitions if it.owner is None]:
        yield Finding(
            "workers", "wrong", f"{len(unowned)} of {len(live.partitions)} partitions have no "
            "worker", "thalweg worker PIPELINE; thalweg doctor PIPELINE",
        )  # fmt: skip
    late = [it for it in live.partitions if it.page is not None and it.page.lag_s > _LAG_S]
    if late:
        yield Finding(
            "lag", "wrong", f"{len(late)} partitions are more than a minute behind, "
            f"{live.behind:,} records in all", "add workers, or make the model cheaper",
        )  # fmt: skip


def _share(part: float, whole: float) -> str:
    return f"{part / max(whole, 1):.2%}"


def _time(seconds: float) -> str:
    if seconds >= 2 * 86_400:
        return f"{seconds / 86_400:.1f} days"
    return f"{seconds / 3600:.1f} hours" if seconds >= 7200 else f"{seconds:.0f} s"


def _of_100(share: float) -> str:
    return f"{100 * share:.0f}" if not 0 < share < 0.095 else f"{100 * share:.1f}"
