"""The catalogue keeps Prometheus' naming rules and is the whole truth."""

import re
import subprocess
import sys

import pytest

from streams import catalogue
from streams.catalogue import CLOSED_LABELS, DECLARED_LABELS, METRICS, Metric


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_keeps_prometheus_naming_rules(metric):
    assert re.fullmatch(r"thalweg(_[a-z]+)+", metric.name)
    assert metric.name.endswith("_total") == (metric.type == "counter")
    stem = metric.name.removesuffix("_total")
    for unit in ("seconds", "bytes"):
        assert stem.endswith(f"_{unit}") == (metric.unit == unit)
    assert metric.labels[0] == "pipeline"
    assert len(set(metric.labels)) == len(metric.labels)
    assert bool(metric.buckets) == (metric.type == "histogram")
    assert list(metric.buckets) == sorted(set(metric.buckets))


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_says_what_it_means_and_what_to_do(metric):
    for sentence in (metric.meaning, metric.action):
        assert sentence[0].isupper()
        assert sentence.endswith(".")
        assert "|" not in sentence


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_no_label_can_take_a_value_from_an_event_but_that_of_a_field_that_measure_names(metric):
    bounded = {"pipeline", "version", "model", "partition", "metric", "measure", *CLOSED_LABELS}
    bounded |= {*DECLARED_LABELS}
    named = {"field", "value"} if metric is catalogue.SEGMENT_QUALITY else set()
    assert set(metric.labels) <= bounded | named


def test_every_metric_is_listed_once():
    declared = [value for value in vars(catalogue).values() if isinstance(value, Metric)]
    assert sorted(declared, key=id) == sorted(METRICS, key=id)
    assert len({metric.name for metric in METRICS}) == len(METRICS)


def test_the_module_prints_a_row_for_every_metric():
    command = [sys.executable, "-m", "streams.catalogue"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = printed.splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == [metric.name for metric in METRICS]
    assert {row.count(" | ") for row in rows} == {5}
