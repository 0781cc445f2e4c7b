"""Records find their topic by their role, and their partition by their key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.chunks import Chunk
from streams.errors import TeachingError
from streams.partitioning import partitions_of
from streams.routing import Router

KEYS = st.lists(st.none() | st.binary(max_size=4), max_size=50)


@given(KEYS, st.integers(1, 5))
def test_every_record_has_one_lane_and_keeps_its_order_in_it(keys, count):
    router = Router("events", {"events": count})
    lanes = list(router.split(Chunk([b"{}"] * len(keys), keys)))
    assert sorted(place for _, places in lanes for place in places) == list(range(len(keys)))
    for number, places in lanes:
        assert places.tolist() == sorted(places)
        topic, partition = router.lanes[number]
        assert topic == "events"
        keyed = [keys[i] for i in places if keys[i] is not None]
        assert partitions_of(keyed, count).tolist() == [partition] * len(keyed)


def test_records_without_a_key_go_on_taking_turns_from_block_to_block():
    router = Router("events", {"events": 4})
    seen = [router.lanes[number][1] for _ in range(8) for number, _ in router.split(Chunk([b"{}"]))]
    assert seen == [0, 1, 2, 3, 0, 1, 2, 3]


def test_a_role_names_the_topic_and_the_key_its_partition_in_each():
    router = Router({"e": "payments", "l": "chargebacks"}, {"chargebacks": 3, "payments": 3})
    block = Chunk([b"1", b"2", b"3"], [b"k", b"k", b"k"], roles=["e", "l", "e"])
    partition = int(partitions_of([b"k"], 3)[0])
    found = {router.lanes[number]: places.tolist() for number, places in router.split(block)}
    assert found == {("payments", partition): [0, 2], ("chargebacks", partition): [1]}


@pytest.mark.parametrize(("roles", "shown"), [(["e", "x"], "'x'"), (None, "None")])
def test_a_role_without_a_topic_is_refused(roles, shown):
    router = Router({"e": "payments"}, {"payments": 1})
    with pytest.raises(
        TeachingError, match=f"records of the role {shown}\n  why:   topics are .*'e'"
    ):
        list(router.split(Chunk([b"1", b"2"], roles=roles)))
