"""What the demonstration has shown, for a person and for a program, and how to go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from rich.console import Group
from rich.table import Table
from rich.text import Text

from streams.demo_figures import chart, figures, milliseconds
from streams.demo_screen import Scene
from streams.feed import Feed
from streams.readback import ReadBack

__all__ = ["Summary", "farewell", "steps"]

_CURVE_CHARACTERS = 52


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen.

    Attributes:
        seconds: from the first payment until all was seen.
        days: simulated.
        payments: sent.
        predictions: read back.
        doubled: predictions of a payment that had one already.
        alerts: predictions that decided to raise the alarm.
        dead_letters: records turned away.
        labels_sent: chargebacks sent.
        labels_learned: these, and payments of which nobody had complained in time.
        latency_p50: seconds, from a payment's sending to its prediction's, for half of them.
        latency_p99: likewise, for 99 %.
        quality: the figures of `models.quality.Quality.summary`.
        window_auc: ROC AUC over the last labels, second by second.
    """

    seconds: float
    days: int
    payments: int
    predictions: int
    doubled: int
    alerts: int
    dead_letters: int
    labels_sent: int
    labels_learned: int
    latency_p50: float
    latency_p99: float
    quality: Mapping[str, float]
    window_auc: Sequence[float]

    @classmethod
    def of(cls, scene: Scene, feed: Feed, back: ReadBack) -> Summary:
        """The summary of what was seen from the first reading to the last."""
        meter, reading = scene.meter, scene.meter.last
        assert reading is not None
        return cls(
            seconds=scene.seconds,
            days=scene.days,
            payments=feed.payments,
            predictions=back.count,
            doubled=back.doubled,
            alerts=back.alerts,
            dead_letters=reading.dead_letters,
            labels_sent=feed.labels,
            labels_learned=reading.learned,
            latency_p50=meter.latency(0.5, overall=True),
            latency_p99=meter.latency(0.99, overall=True),
            quality=reading.quality,
            window_auc=meter.auc,
        )


def farewell(seen: Summary) -> Group:
    """The summary on a screen."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(justify="right", style="bold")
    facts.add_column()
    doubled = f"{seen.doubled:,} of them twice" if seen.doubled else "none twice"
    delay = seen.quality.get("label_delay_seconds", 0.0) / 86_400
    p50, p99 = milliseconds(seen.latency_p50), milliseconds(seen.latency_p99)
    facts.add_row(f"{seen.payments:,}", f"payments of {seen.days} days in {seen.seconds:.0f} s")
    facts.add_row(f"{seen.predictions:,}", f"predictions read back from Kafka, {doubled}")
    facts.add_row(f"{seen.alerts:,}", "of them alerts")
    facts.add_row(
        f"{seen.labels_learned:,}", f"labels learned, {delay:.1f} simulated days after the payment"
    )
    facts.add_row(p50, f"from a payment to its prediction, 99th percentile {p99}")
    (curve,) = chart(seen.window_auc, _CURVE_CHARACTERS, 1)
    over_time = Text.assemble("AUC of the last labels  ", (curve, "cyan"))
    return Group("", facts, "", figures(seen.quality), over_time, "")


def steps(command: str, file: str, cluster: str | None) -> str:
    """The commands to go on with.

    Args:
        command: that calls this command line.
        file: of the pipeline.
        cluster: that still holds the topics, host:port; None if none does.
    """
    if cluster is None:
        return f"""Go on with a Kafka that stays:
  {command} broker
and in other terminals:
  {command} topics {file} --create --retention forever
  {command} worker {file}
  {command} simulate --rate 5000    # or thalweg produce, for data of your own
  {command} tail fraud.predictions --follow
The whole pipeline, on one page, is {file}"""
    return f"""The topics are still there; look at them, remove them:
  {command} tail fraud.predictions --brokers {cluster}
  {command} topics {file} --delete --brokers {cluster}
The whole pipeline, on one page, is {file}"""
