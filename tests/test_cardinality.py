"""The series of a worker are those of the partitions it owns, however often these change."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from benchmarks.cardinality import hour, told
from streams.observer import PrometheusObserver

PARTITIONS = st.integers(0, 63)


def series(observer: PrometheusObserver) -> dict[str, int]:
    """How many samples there are, by the partition they are of."""
    found: dict[str, int] = {}
    for family in observer.registry.collect():
        for sample in family.samples:
            partition = sample.labels.get("partition", "")
            found[partition] = found.get(partition, 0) + 1
    return found


def test_an_hour_of_rebalances_leaves_as_many_series_as_a_minute():
    minutes = list(hour(minutes=12))
    assert {sum(minute.owned) for minute in minutes} == {64}
    assert len({sum(minute.series) for minute in minutes}) == 1
    [base] = {
        one - owned * (minutes[0].series[0] - minutes[0].series[1])
        // (minutes[0].owned[0] - minutes[0].owned[1])
        for minute in minutes
        for one, owned in zip(minute.series, minute.owned, strict=True)
    }  # fmt: skip
    assert base < 200, "what is not of a partition is a page or two"


@given(st.lists(st.tuples(st.booleans(), st.sets(PARTITIONS, max_size=9)), max_size=12))
def test_a_partition_that_is_given_up_leaves_nothing_and_one_that_is_kept_has_all(steps):
    observer = PrometheusObserver("fraud", CollectorRegistry())
    before = series(observer)
    owned: set[int] = set()
    for taken, partitions in steps:
        if taken:
            observer.on_assigned(sorted(partitions - owned))
            owned |= partitions
            for partition in partitions:
                told(observer, partition, Random(1))
        else:
            observer.on_revoked(sorted(owned & partitions))
            owned -= partitions
    found = series(observer)
    assert found.keys() - {""} == {str(partition) for partition in owned}
    assert len({count for partition, count in found.items() if partition}) <= 1
    assert found[""] == before[""]
