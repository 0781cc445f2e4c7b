"""Keys go to the partitions that Kafka's own Java client would choose."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner.default import murmur2 as murmur2_of_one

from streams.partitioning import murmur2, partitions_of

KEYS = st.lists(st.binary(max_size=40), max_size=30)


@pytest.mark.parametrize(
    ("key", "hashed"),
    [  # org.apache.kafka.common.utils.UtilsTest
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_hashes_are_those_of_the_java_client(key, hashed):
    assert murmur2([key]).astype(np.int32).tolist() == [hashed]


@given(KEYS)
def test_all_keys_at_once_hash_as_one_by_one(keys):
    assert murmur2(keys).tolist() == [murmur2_of_one(key) % 2**32 for key in keys]


@given(KEYS, st.integers(1, 100))
def test_a_key_has_one_partition_whatever_stands_beside_it(keys, count):
    together = partitions_of(keys, count).tolist()
    assert together == [partitions_of([key], count)[0] for key in keys]
    assert all(0 <= partition < count for partition in together)


def test_records_without_a_key_take_turns_around_those_with_one():
    keys = [None, b"a", None, b"b", None, None]
    partitions = partitions_of(keys, 3, turn=2)
    assert partitions[[0, 2, 4, 5]].tolist() == [2, 0, 1, 2]
    assert partitions[[1, 3]].tolist() == partitions_of([b"a", b"b"], 3).tolist()


def test_no_keys_have_no_partitions():
    assert partitions_of([], 3).tolist() == []
