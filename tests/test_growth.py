"""A state of another number of partitions is refused; where events belong is told by their keys."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from benchmarks.growth import WINDOW, WINDOWS, names, summary, table, windows
from streams.belongings import placed
from streams.division import HASHES, children, parents
from streams.growth import GrownError, check_first, check_image, mend
from streams.image import FORMAT
from streams.manifest import Manifest, decoded, encoded
from streams.rollback import RollbackError, check_same_partitions


def manifest(partitions: int | None, number: int = 0) -> Manifest:
    return Manifest(
        format=FORMAT, number=1, turn=0, topic="shop.checkpoints", partition=number, group="shop",
        model="shop", described={}, positions={"visits": 9}, journal=0, machine={}, thalweg="1",
        written_at=0, store=None, earlier=[], parts=[], blocks=[],
        partitions=UNSET if partitions is None else partitions,
    )  # fmt: skip


def first(number: int, count: int, there: Mapping[int, int | None]) -> None:
    """Open a partition that has no image, beside others that have."""

    async def newest(other: int) -> Manifest | None:
        return manifest(there[other], other) if other in there else None

    asyncio.run(check_first(number, count, "visits", newest))


def test_an_image_says_of_how_many_partitions_it_is_and_an_older_one_is_read_as_it_was_written():
    for it in (manifest(4), manifest(None)):
        assert decoded(encoded(it)) == it
    assert b"partitions" not in encoded(manifest(None))


def test_an_image_of_another_number_is_refused_with_what_to_do():
    check_image(manifest(8), 8, "visits")
    check_image(manifest(None), 8, "visits")
    with pytest.raises(GrownError) as caught:
        check_image(manifest(4), 8, "visits")
    assert "group 'shop' has learned from visits with 4 partitions, and it has 8" in str(
        caught.value
    )
    assert "Nothing was read" in str(caught.value)
    assert "thalweg grow PIPELINE --partitions 8" in str(caught.value)


def test_where_it_is_no_multiple_no_command_can_mend_it():
    assert "thalweg grow" not in mend(4, 6)
    assert "6 is no multiple of 4" in mend(4, 6)
    assert "--group NAME" in mend(4, 6)


@given(st.integers(1, 6), st.integers(2, 4))
def test_a_new_partition_is_refused_whichever_of_the_others_has_an_image(before, times):
    count = before * times
    for parent in range(before):
        for number in children(parent, before, count):
            for told in (parent, 0):
                with pytest.raises(GrownError):
                    first(number, count, {told: before})


@given(st.integers(1, 24), st.data())
def test_a_group_that_has_only_begun_is_refused_nowhere(count, data):
    """Some of its partitions have an image before others."""
    there = data.draw(st.sets(st.integers(0, count - 1)))
    number = data.draw(st.integers(0, count - 1))
    first(number, count, dict.fromkeys(there, count))
    first(number, count, dict.fromkeys(there))
    assert 0 in parents(count, number) or number == 0


def test_nobody_goes_back_across_the_place_where_it_grew():
    before = manifest(4)
    grown = msgspec.structs.replace(manifest(8), grown={"visits": 9})
    check_same_partitions(grown, grown)
    check_same_partitions(before, before)
    with pytest.raises(RollbackError, match="an image that was written after thalweg grow"):
        check_same_partitions(grown, before)


def digest(number: int) -> tuple[int, int]:
    return number, number + 1


def keys_in(name: str, parent: int, before: int) -> list[bytes]:
    keys = [b"c%d" % n for n in range(200)]
    where = HASHES[name](keys, before).tolist()
    return [key for key, place in zip(keys, where, strict=True) if place == parent]


@pytest.mark.parametrize("name", ["murmur2", "crc32"])
def test_events_belong_where_their_keys_are_now_by_the_hash_that_put_them_there(name):
    keys = keys_in(name, 1, 4)
    found = placed({digest(n): key for n, key in enumerate(keys)}, len(keys), 1, 4, 8)
    ids = np.array([digest(n) for n in range(len(keys))], np.uint64)
    assert found.hashed == name
    assert found.owners.of(ids, -1).tolist() == HASHES[name](keys, 8).tolist()
    assert found.moved + found.kept == len(keys)
    assert found.moved == HASHES[name](keys, 8).tolist().count(5) > 0
    assert found.unknown == found.keyless == 0


def test_events_without_a_key_or_without_a_place_in_the_log_stay_and_are_told():
    keys = keys_in("murmur2", 1, 4)
    elsewhere = keys_in("murmur2", 2, 4)[0]
    known = {digest(n): key for n, key in enumerate([*keys, None, elsewhere])}
    found = placed(known, len(known) + 3, 1, 4, 8)
    last = np.array([digest(len(keys) + n) for n in range(3)], np.uint64)
    assert found.owners.of(last, 1).tolist() == [1, 1, 1]
    assert (found.unknown, found.keyless) == (3, 2)
    assert found.moved + found.kept == len(known) + 3


def row(stayed: Sequence[float], grown: Sequence[float]) -> dict[str, object]:
    return {"stayed": stayed, "grown": grown, "again": stayed, "stood_s": 9.0, "way": "apart"}


def test_the_benchmark_measures_windows_from_where_there_were_new_partitions():
    count = WINDOW * (WINDOWS + 3)
    fraud = np.arange(count) % 100 == 0
    score = np.where(fraud, 1.0, 0.0)
    score[2 * WINDOW : 3 * WINDOW] = 0.5
    assert windows(fraud, score, 2 * WINDOW) == [1.0, 0.5, *[1.0] * WINDOWS][: len(names())]


def test_the_benchmark_says_whether_the_auc_was_back_in_time():
    stayed = [0.8] * len(names())
    dipped = [0.8, 0.796, *[0.799] * (len(names()) - 2)]
    late = [0.8, 0.799, *[0.796] * (len(names()) - 2)]
    assert summary([row(stayed, dipped)])["kept"]
    assert not summary([row(stayed, late)])["kept"]
    assert not summary([row(stayed, [0.8, 0.79, *dipped[2:]])])["kept"]
    found = {"events": 1, "seeds": 1, "ways": {"apart": summary([row(stayed, dipped)])}}
    assert table(found).row_count == len(names())
