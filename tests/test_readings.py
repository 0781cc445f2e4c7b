"""A worker's metrics page, read back: sums over partitions, rates, latencies."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest

from streams.catalogue import LATENCY_SECONDS
from streams.observer import PrometheusObserver, serve
from streams.readings import Meter, Reading, read, scrape


def page(observer: PrometheusObserver) -> str:
    return generate_latest(observer.registry).decode()


@pytest.fixture
def observer() -> PrometheusObserver:
    return PrometheusObserver("fraud", CollectorRegistry())


def reading(latencies=(), events=0, at=0.0) -> Reading:
    observer = PrometheusObserver("fraud", CollectorRegistry())
    observer.on_latency(0, np.array(latencies, float))
    return replace(read(page(observer), at), events=events)


def meter(*readings: Reading) -> Meter:
    made = Meter()
    for one in readings:
        made.add(one)
    return made


def test_a_reading_is_of_all_partitions_together(observer):
    observer.on_assigned([0, 3])
    for partition in (0, 3):
        observer.on_slice(partition, events=100, predictions=100, seconds=0.1)
        observer.on_labels(partition, {"joined": 7}, learned=7)
        observer.on_dead_letters(partition, {"malformed": 1, "schema": 2})
        observer.on_lag(partition, records=5, seconds=1.0)
        observer.on_latency(partition, np.array([0.02, 90.0]))
        observer.on_quality(partition, {"auc": 0.1})
    observer.on_worker_quality({"auc": 0.9, "window_auc": math.nan})
    found = read(page(observer), at=3.0)
    assert (found.at, found.partitions, found.events, found.learned) == (3.0, 2, 200, 14)
    assert (found.dead_letters, found.lag, found.latency.sum(), found.latency[-1]) == (6, 10, 4, 2)
    assert found.quality["auc"] == 0.9
    assert math.isnan(found.quality["window_auc"])


def test_a_worker_that_has_nothing_yet_reads_as_nothing(observer):
    found = read(page(observer), at=0.0)
    assert (found.partitions, found.events, found.lag, dict(found.quality)) == (0, 0, 0, {})


def test_a_page_is_scraped_where_it_is_served_and_nowhere_else(observer):
    server = serve(observer.registry, port=0)
    url = f"http://127.0.0.1:{server.port}/metrics"
    assert scrape(url) is not None
    server.stop()
    assert scrape(url) is None


def test_a_rate_is_of_the_last_readings():
    assert Meter().rate() == 0.0
    assert meter(reading(events=10, at=1.0)).rate() == 0.0
    assert meter(reading(events=10, at=1.0), reading(events=70, at=4.0)).rate() == 20.0


def test_latency_leaves_out_what_was_before_the_first_reading():
    assert math.isnan(Meter().latency(0.5))
    assert math.isnan(meter(reading([9.0])).latency(0.5))
    found = meter(reading([9.0] * 50), reading([9.0] * 50 + [0.02] * 10))
    assert 0.01 < found.latency(0.99) <= 0.025


def test_latency_beyond_all_buckets_is_told_as_the_last_bound():
    assert meter(reading(), reading([500.0])).latency(0.5) == 60.0


@given(st.lists(st.floats(0.0, 60.0), min_size=1, max_size=200), st.floats(0.01, 0.99))
def test_a_latency_lies_in_the_bucket_of_the_true_one(latencies, share):
    found = meter(reading(), reading(latencies))
    true = float(np.quantile(latencies, share, method="inverted_cdf"))
    place = int(np.searchsorted(LATENCY_SECONDS.buckets, true))
    low, high = [0.0, *LATENCY_SECONDS.buckets][place : place + 2]
    assert low <= found.latency(share) <= high
    assert found.latency(share) == found.latency(share, overall=True)


def test_the_curve_has_a_point_for_each_reading_with_one():
    figures = [{}, {"window_auc": math.nan}, {"window_auc": 0.7}, {"window_auc": 0.8}]
    found = meter(*(replace(reading(), quality=quality) for quality in figures))
    assert found.auc == [0.7, 0.8]
    assert found.quality == {"window_auc": 0.8}
