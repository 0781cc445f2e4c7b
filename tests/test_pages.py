"""A metrics page, partition by partition."""

from __future__ import annotations

import math

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from streams.observer import PrometheusObserver
from streams.pages import by_partition, together
from streams.readings import read


@pytest.fixture
def observer() -> PrometheusObserver:
    made = PrometheusObserver("fraud", CollectorRegistry())
    made.on_assigned([0, 3])
    for partition, events in ((0, 100), (3, 40)):
        made.on_slice(partition, events=events, predictions=events, seconds=0.1)
        made.on_latency(partition, np.full(events, 0.004))
        made.on_labels(partition, {"joined": 7}, learned=7)
    return made


def text(observer: PrometheusObserver) -> str:
    return generate_latest(observer.registry).decode()


def test_each_partition_has_its_own_counts(observer):
    pages = by_partition(text(observer), 5.0, "fraud")
    assert {number: page.reading.events for number, page in pages.items()} == {0: 100, 3: 40}
    assert pages[3].reading.latency.sum() == 40
    assert pages[3].reading.at == 5.0


def test_another_pipeline_on_the_page_is_not_ours(observer):
    assert by_partition(text(observer), 0.0, "clicks") == {}


def test_together_they_are_what_the_whole_page_says(observer):
    pages, whole = by_partition(text(observer), 1.0, "fraud"), read(text(observer), 1.0)
    ours = together(pages.values(), 1.0)
    assert (ours.events, ours.learned, ours.lag) == (whole.events, whole.learned, whole.lag)
    assert ours.latency.tolist() == whole.latency.tolist()


def test_a_figure_is_the_mean_by_labels_of_those_that_know_it(observer):
    pages = by_partition(text(observer), 0.0, "fraud")
    first, second = (page.reading for page in pages.values())
    first.quality.update(window_labels=300.0, window_auc=0.9, window_mae=math.nan)  # type: ignore[attr-defined]  # a dict
    second.quality.update(window_labels=100.0, window_auc=0.5)  # type: ignore[attr-defined]  # a dict
    quality = together(pages.values(), 0.0).quality
    assert quality["window_auc"] == pytest.approx(0.8)
    assert quality["window_labels"] == 400
    assert "window_mae" not in quality
