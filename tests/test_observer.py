"""Observers are told by the slice; the Prometheus one exports the catalogue and nothing else."""

import http.client
import inspect
import math

import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families as parse

from streams.catalogue import CLOSED_LABELS, DECLARED_LABELS, METRICS
from streams.errors import SettingsError
from streams.observer import Observer, Observers, PrometheusObserver, RecordingObserver, serve

HOOKS = [name for name, _ in inspect.getmembers(Observer) if name.startswith("on_")]


@pytest.fixture
def observer():
    return PrometheusObserver("fraud", CollectorRegistry(), model="fraud-1a2b")


def tell_everything(observer, partition=0):
    """Every hook once."""
    observer.on_assigned([partition])
    observer.on_slice(partition, events=4096, predictions=4000, seconds=0.02)
    observer.on_labels(partition, {"joined": 90, "orphan": 2}, learned=95)
    observer.on_decisions(partition, {"false": 98, "true": 2}, {"huge": 1})
    observer.on_alerting(partition, {"today": 2, "budget": 20, "threshold": 0.7, "version": 3})
    observer.on_dead_letters(partition, {"malformed": 3})
    observer.on_dropped(partition, 7)
    observer.on_one_by_one(partition, 5)
    observer.on_latency(partition, np.array([0.004, 0.03, -0.001]))
    observer.on_commit(partition, 0.08)
    observer.on_checkpoint(partition, size=1 << 20, seconds=0.3)
    observer.on_checkpoint_failed(partition)
    observer.on_step(partition, "committed")
    observer.on_recovery(partition, 1_000)
    observer.on_lag(partition, records=12, seconds=1.5)
    observer.on_pending(partition, 1000)
    observer.on_pending_bytes(1 << 20, 1 << 30)
    observer.on_quality(partition, {"auc": 0.87, "window_auc": math.nan})
    observer.on_worker_quality({"auc": 0.89})
    observer.on_worker_segments({("country", "AT"): {"auc": 0.91}})
    observer.on_delta(partition, size=4_000)
    observer.on_folded(partition, 3)
    observer.on_deltas_behind(partition, 2)
    observer.on_model(partition, {"weights": 812.0, "norm": 3.5, "divergence": 0.7})


def samples(registry):
    """Value of every sample by name and labels, without the pipeline."""
    return {
        (sample.name, *sorted(set(sample.labels.items()) - {("pipeline", "fraud")})): sample.value
        for family in registry.collect()
        for sample in family.samples
    }


def of_partition(registry, partition):
    return {key for key in samples(registry) if ("partition", str(partition)) in key}


def test_series_of_what_the_pipeline_declares_exist_before_they_count():
    values = {"decision": ("approve", "decline"), "rule": ("huge",)}
    observer = PrometheusObserver("fraud", CollectorRegistry(), values=values)
    observer.on_assigned([3])
    of = {"pipeline": "fraud", "partition": "3"}
    value = observer.registry.get_sample_value
    assert value("thalweg_decisions_total", {**of, "decision": "decline"}) == 0
    assert value("thalweg_rules_fired_total", {**of, "rule": "huge"}) == 0


def test_the_silence_of_labels_is_measured_and_the_longest_one_is_kept():
    now = [0.0]
    observer = PrometheusObserver("fraud", CollectorRegistry(), clock=lambda: now[0])
    value, of = observer.registry.get_sample_value, {"pipeline": "fraud", "partition": "3"}
    observer.on_assigned([3])
    for at, outcome in ((40.0, "joined"), (100.0, "duplicate"), (110.0, "early"), (190, "matured")):
        now[0] = at
        observer.on_labels(3, {outcome: 1}, learned=1)
    now[0] = 200.0
    assert value("thalweg_label_age_seconds", of) == 90  # nobody sent what has matured
    assert value("thalweg_label_gap_seconds", of) == 60
    observer.on_revoked([3])
    observer.on_assigned([3])
    assert value("thalweg_label_age_seconds", of) == 0
    assert value("thalweg_label_gap_seconds", of) is None


def test_exported_names_are_the_catalogues(observer):
    tell_everything(observer)
    server = serve(observer.registry, port=0)
    try:
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
    finally:
        server.stop()
    families = {family.name: family for family in parse(text)}
    assert list(families) == [metric.name.removesuffix("_total") for metric in METRICS]
    for metric in METRICS:
        family = families[metric.name.removesuffix("_total")]
        assert (family.type, family.documentation) == (metric.type, metric.meaning)
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(metric.labels)
        assert family.samples


def test_every_hook_reaches_a_series(observer):
    recorded = RecordingObserver()
    tell_everything(Observers(observer, recorded))
    assert sorted({hook for hook, *_ in recorded.calls} | {"on_revoked"}) == HOOKS
    seen = samples(observer.registry)
    p0 = ("partition", "0")
    assert seen["thalweg_events_total", p0] == 4096
    assert seen["thalweg_predictions_total", p0] == 4000
    assert seen["thalweg_learned_total", p0] == 95
    assert seen["thalweg_labels_total", ("outcome", "joined"), p0] == 90
    assert seen["thalweg_dead_letters_total", p0, ("reason", "malformed")] == 3
    assert seen["thalweg_dropped_total", p0] == 7
    assert seen["thalweg_one_by_one_total", p0] == 5
    assert seen["thalweg_latency_seconds_count", p0] == 3
    assert seen["thalweg_commits_total", p0] == seen["thalweg_commit_seconds_count", p0] == 1
    assert seen["thalweg_checkpoint_bytes", p0] == 1 << 20
    assert seen["thalweg_lag_seconds", p0] == 1.5
    assert seen["thalweg_pending_labels", p0] == 1000
    assert seen["thalweg_quality", ("metric", "auc"), p0] == 0.87
    assert math.isnan(seen["thalweg_quality", ("metric", "window_auc"), p0])
    assert seen["thalweg_worker_quality", ("metric", "auc")] == 0.89
    segment = (("field", "country"), ("metric", "auc"), ("value", "AT"))
    assert seen["thalweg_segment_quality", *segment] == 0.91
    assert seen["thalweg_model", ("measure", "norm"), p0] == 3.5
    assert seen["thalweg_deltas_published_total", p0] == 1
    assert seen["thalweg_deltas_published_bytes_total", p0] == 4_000
    assert seen["thalweg_deltas_folded_total", p0] == 3
    assert seen["thalweg_deltas_behind", p0] == 2
    assert seen["thalweg_divergence", p0] == 0.7
    assert ("thalweg_model", ("measure", "divergence"), p0) not in seen


def test_a_value_that_is_not_told_apart_any_more_is_not_shown_any_more(observer):
    observer.on_worker_segments({("card", "4000"): {"auc": 0.91}})
    observer.on_worker_segments({("card", "other"): {"auc": 0.9}})
    assert [key for key in samples(observer.registry) if "segment" in key[0]] == [
        ("thalweg_segment_quality", ("field", "card"), ("metric", "auc"), ("value", "other"))
    ]


def test_a_latency_from_a_clock_that_is_ahead_never_lowers_the_sum(observer):
    observer.on_latency(0, np.array([-5.0, 0.25]))
    assert samples(observer.registry)["thalweg_latency_seconds_sum", ("partition", "0")] == 0.25


def test_every_counter_of_a_partition_exists_at_zero_from_assignment_on(observer):
    observer.on_assigned([4])
    seen = samples(observer.registry)
    for metric in METRICS:
        if metric.type != "counter" or "partition" not in metric.labels:
            continue
        if set(metric.labels) & set(DECLARED_LABELS):
            continue
        closed = [label for label in metric.labels if label in CLOSED_LABELS]
        for value in CLOSED_LABELS[closed[0]] if closed else [None]:
            labels = {("partition", "4"), *((label, value) for label in closed)}
            assert seen[metric.name, *sorted(labels)] == 0


def test_what_a_partition_counted_before_its_assignment_was_told_is_kept(observer):
    observer.on_commit(4, 0.1)
    observer.on_assigned([4])
    assert samples(observer.registry)["thalweg_commits_total", ("partition", "4")] == 1


def test_a_revoked_partition_leaves_no_series_and_the_others_stay(observer):
    tell_everything(observer, 0)
    tell_everything(observer, 1)
    kept = of_partition(observer.registry, 1)
    observer.on_revoked([0])
    assert of_partition(observer.registry, 0) == set()
    assert of_partition(observer.registry, 1) == kept
    assert samples(observer.registry)["thalweg_assigned_partitions",] == 1


def test_a_partition_that_comes_back_counts_from_zero(observer):
    tell_everything(observer, 0)
    observer.on_revoked([0])
    observer.on_assigned([0])
    seen = samples(observer.registry)
    assert seen["thalweg_events_total", ("partition", "0")] == 0
    assert seen["thalweg_rebalances_total",] == 2


def test_the_age_of_a_checkpoint_grows_from_the_takeover_and_starts_anew_when_one_is_written():
    now = [1000.0]
    observer = PrometheusObserver("fraud", CollectorRegistry(), clock=lambda: now[0])
    age = ("thalweg_checkpoint_age_seconds", ("partition", "0"))
    observer.on_assigned([0])
    now[0] += 30.0
    assert samples(observer.registry)[age] == 30.0
    observer.on_checkpoint(0, 1, 0.1)
    now[0] += 5.0
    assert samples(observer.registry)[age] == 5.0


def test_the_build_tells_release_and_model(observer):
    builds = [dict(key[1:]) for key in samples(observer.registry) if "build_info" in key[0]]
    assert [build["model"] for build in builds] == ["fraud-1a2b"]
    assert builds[0]["version"]


def test_a_registry_of_its_own_tells_of_the_process_too():
    assert ("process_cpu_seconds_total",) in samples(PrometheusObserver("fraud").registry)


def test_the_base_observer_does_nothing_with_all_it_is_told():
    tell_everything(Observer())


def test_observers_are_told_in_the_order_given():
    told = []

    class Named(Observer):
        def __init__(self, name):
            self.name = name

        def on_dropped(self, partition, records):
            told.append((self.name, partition))

    Observers(Named("first"), Named("second")).on_dropped(3, 1)
    assert told == [("first", 3), ("second", 3)]


def test_a_recording_observer_gives_back_the_calls_of_one_hook():
    recorded = RecordingObserver()
    recorded.on_lag(1, 10, 0.5)
    recorded.on_dropped(1, 1)
    recorded.on_lag(2, 0, 0.0)
    assert recorded.of("on_lag") == [(1, 10, 0.5), (2, 0, 0.0)]


def test_a_hook_that_does_not_exist_is_no_silent_success():
    for observer in (RecordingObserver(), Observers(Observer())):
        with pytest.raises(AttributeError, match="on_comit"):
            observer.on_comit(0, 1.0)


def test_a_stopped_server_gives_its_port_back(observer):
    first = serve(observer.registry, port=0)
    first.stop()
    second = serve(observer.registry, port=first.port)
    second.stop()
    assert second.port == first.port


def test_a_port_in_use_is_refused_with_the_flag_to_give(observer):
    server = serve(observer.registry, port=0)
    try:
        with pytest.raises(SettingsError) as refused:
            serve(observer.registry, port=server.port)
    finally:
        server.stop()
    assert refused.value.given == f"metrics_port={server.port} on 127.0.0.1"
    assert refused.value.why == "another process listens there, perhaps another worker"
    assert refused.value.write == f"--metrics-port {server.port + 1}, or 0 for no metrics"


def test_an_address_of_another_machine_is_refused_with_one_of_this(observer):
    with pytest.raises(SettingsError, match=r"--metrics-host 127\.0\.0\.1") as refused:
        serve(observer.registry, host="192.0.2.1", port=0)
    assert "this machine cannot listen there" in refused.value.why
