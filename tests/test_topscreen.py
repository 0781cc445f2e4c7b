"""`thalweg top` on a terminal of 80 columns."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from rich.console import Console

from streams.pages import Page
from streams.readings import BOUNDS, Meter, Reading
from streams.toploop import after_key
from streams.topscreen import ORDERS, Screen
from streams.watching import Glance, Partition, owners_of

QUALITY = {
    "labels": 90_000.0, "window_labels": 40_000.0, "window_auc": 0.9312, "auc": 0.89,
    "window_average_precision": 0.5012, "average_precision": 0.4, "base_rate": 0.008,
    "window_label_delay_seconds": 604_800.0, "label_delay_seconds": 604_800.0,
    "label_delay_p50_seconds": 600_000.0,
}  # fmt: skip
ALERTING = {"today": 12.0, "budget": 25.0, "threshold": 0.6, "version": 3.0}


def reading(at: float, events: int, quality: dict[str, float]) -> Reading:
    latency = np.zeros(len(BOUNDS), np.int64)
    latency[2] = events  # up to five milliseconds
    return Reading(at, 1, events, 500, 3, 0, latency, quality)


def partition(
    number: int,
    owner: str | None = "fraud-0",
    rate: int = 6_000,
    auc: float = 0.93,
    alarms: int = 0,
    image_s: float = 35.0,
) -> Partition:
    quality = {**QUALITY, "window_auc": auc}
    meter = Meter()
    for at in (0.0, 2.0):
        meter.add(reading(at, 1_000_000 + int(at * rate), quality))
    assert meter.last is not None
    model = {"norm": 5.0, "drift_alarms": float(alarms)}
    page = Page(meter.last, 0.0, image_s, model, ALERTING, {})
    return Partition(number, owner, 1_204 * number, meter, page)


def glance(*partitions: Partition, state: str = "Stable", **more: object) -> Glance:
    meter = Meter()
    for at in (0.0, 2.0):
        meter.add(reading(at, 5_000_000 + int(at * 12_000), QUALITY))
    return Glance("fraud", state, 2, partitions, meter, **more)  # type: ignore[arg-type]


def lines(screen: Screen) -> list[str]:
    console = Console(width=80, file=io.StringIO())
    console.print(screen)
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


BUSY = glance(
    partition(0), partition(1, "fraud-worker-with-a-long-name", 999_999, 0.7, alarms=2),
    Partition(10, None, 2_500_000), silent=["10.0.0.7:9764"],
)  # fmt: skip


def test_a_group_in_80_columns():
    assert lines(Screen(BUSY)) == [
        "fraud  Stable, 2 workers, 2 of 3 partitions owned",
        "lag 2,501,204   12,000 events/s   latency p50 4ms, p99 5ms   skew 2.0",
        "AUC .931   AP .501   mean of the partitions; last 40,000 labels, 7.0 days late",
        "nobody has partition 10",
        "no metrics at 10.0.0.7:9764; --metrics host:port,…",
        "",
        "    owner          lag  age   ev/s  p50  p99   AUC    AP  drift  alerts  image",
        " 0  fraud-0          0  0ms   6000  4ms  5ms  .930  .501      –   12/25    35s",
        " 1  fraud-worke…  1204  0ms  1000k  4ms  5ms  .700  .501      2   12/25    35s",
        "10  nobody        2.5M    –      –    –    –     –     –      –       –      –",
        "",
        "s sorted by partition   number, Enter: look into   q quit",
    ]


@pytest.mark.parametrize("order", ORDERS)
def test_the_widest_line_fits(order):
    worst = partition(127, "a" * 30, 10**9, math.nan, alarms=99, image_s=1e6)
    worst.behind = 10**12
    shown = lines(Screen(glance(worst, partition(3)), order))
    assert all(len(line) <= 80 for line in shown)
    assert len(shown) == 9  # nothing was wrapped


@pytest.mark.parametrize(
    ("order", "first"),
    [("partition", "0"), ("lag", "10"), ("rate", "1"), ("AUC", "1")],
)
def test_the_worst_come_first(order, first):
    shown = lines(Screen(BUSY, order))
    assert shown[7].split()[0] == first


def test_a_partition_is_looked_into():
    shown = "\n".join(lines(Screen(BUSY, chosen=1)))
    assert "partition 1   of fraud-worker-with-a-long-name   lag 1,204" in shown
    assert "500 labels learned   3 dead letters   checkpoint 35s old" in shown
    assert "drift_alarms 2" in shown
    assert "ROC AUC" in shown


def test_before_the_first_label_no_figure_is_shown():
    blank = Glance("fraud", "Empty", 0, [Partition(0)], Meter())
    shown = lines(Screen(blank))
    assert "no label is known yet" in shown
    assert shown[0] == "fraud  Empty, 0 workers, 0 of 1 partition owned"


def test_trouble_stands_above_what_was_seen_last():
    shown = lines(Screen(BUSY, trouble="no Kafka at 127.0.0.1:9092"))
    assert shown[:2] == ["no Kafka at 127.0.0.1:9092", lines(Screen(BUSY))[0]]


def test_keys_sort_choose_and_go_back():
    screen = Screen(BUSY)
    for _ in ORDERS:
        screen = after_key(screen, "s")
    assert screen == Screen(BUSY)
    for key in ("1", "0", "\n"):
        screen = after_key(screen, key)
    assert screen.chosen == 10
    assert after_key(screen, "\x1b") == Screen(BUSY)
    assert after_key(screen, "x") is screen


def test_an_owner_is_called_by_its_slot_or_its_host():
    def member(slot: str | None, *numbers: int) -> dict[str, object]:
        topics = [{"topic": name, "partitions": list(numbers)} for name in ("visits", "sales")]
        return {
            "group_instance_id": slot,
            "client_host": "/10.0.0.7",
            "member_assignment": {"assigned_partitions": topics},
        }

    joining = {"group_instance_id": "s1", "client_host": "/10.0.0.8", "member_assignment": b""}
    members = [member("fraud-0", 0, 1), member(None, 2), joining]
    assert owners_of(members, "visits") == {0: "fraud-0", 1: "fraud-0", 2: "10.0.0.7"}
