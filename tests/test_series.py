"""Series count arrays as the client library would count one number after another."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from streams import catalogue
from streams.series import Series


def exposed(series, render=generate_latest, read=parse):
    """Every sample of the exposition: value by name and labels."""
    registry = CollectorRegistry()
    registry.register(series)
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in read(render(registry).decode())
        for sample in family.samples
    }


values = st.floats(0, 100) | st.sampled_from(catalogue.LATENCY_SECONDS.buckets)


@settings(deadline=None)
@given(st.lists(st.lists(values, max_size=20)))
def test_a_histogram_is_the_one_the_client_library_would_have_made(batches):
    metric = catalogue.LATENCY_SECONDS
    series, oracle = Series("fraud"), CollectorRegistry()
    theirs = Histogram(
        metric.name, metric.meaning, metric.labels, registry=oracle, buckets=metric.buckets
    ).labels("fraud", "3")
    series.observe(metric, np.empty(0), 3)
    for batch in batches:
        series.observe(metric, np.array(batch), 3)
        for value in batch:
            theirs.observe(value)
    ours = exposed(series)
    expected = [
        sample
        for family in parse(generate_latest(oracle).decode())
        for sample in family.samples
        if not sample.name.endswith("_created")
    ]
    for sample in expected:
        key = (sample.name, *sorted(sample.labels.items()))
        assert ours[key] == pytest.approx(sample.value, rel=1e-12)
    assert len(ours) == len(expected)


def test_counters_add_and_gauges_are_set():
    series = Series("fraud")
    series.add(catalogue.EVENTS, 3, 0)
    series.add(catalogue.EVENTS, 4, 0)
    series.set(catalogue.LAG_RECORDS, 9, 0)
    series.set(catalogue.LAG_RECORDS, 2, 0)
    labels = (("partition", "0"), ("pipeline", "fraud"))
    assert exposed(series) == {
        ("thalweg_events_total", *labels): 7,
        ("thalweg_lag_records", *labels): 2,
    }


def test_a_marked_gauge_counts_up_by_itself():
    now = [100.0]
    series = Series("fraud", lambda: now[0])
    series.mark(catalogue.CHECKPOINT_AGE, 0)
    now[0] += 42.0
    assert list(exposed(series).values()) == [42.0]
    series.mark(catalogue.CHECKPOINT_AGE, 0)
    assert list(exposed(series).values()) == [0.0]


def test_both_exposition_formats_tell_the_same():
    series = Series("fraud", lambda: 0.0)
    series.begin(0)
    series.observe(catalogue.COMMIT_SECONDS, np.array([0.08, 7.0]), 0)
    series.mark(catalogue.CHECKPOINT_AGE, 0)
    assert exposed(series) == exposed(series, openmetrics, parse_openmetrics)
