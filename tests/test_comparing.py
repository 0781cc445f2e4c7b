"""What was published and what is computed again: every byte counts, and no cut does."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from slicing import cuts, pieces, slice_of

from streams.comparing import Comparison
from streams.published import Published, Row, cut, rows
from streams.slices import Records

FIRST = 5


def prediction(offset: int, score: float = 0.5) -> bytes:
    return b'{"id":"e%d","score":%r,"partition":0,"offset":%d}' % (offset, score, offset)


def records(offsets, **changed) -> Records:
    """Predictions of the events at these offsets."""
    columns = {
        "keys": [None if at % 3 == 0 else b"k%d" % at for at in offsets],
        "values": [prediction(at) for at in offsets],
        "timestamps": [1_000 * at for at in offsets],
        "headers": [[("trace", b"%d" % at)] if at % 4 == 0 else [] for at in offsets],
    }
    return Records(**(columns | changed))


def compared(published: Records, recomputed: Records, *, at=(), taken=(), stop=None) -> Comparison:
    """Compare two columns of predictions, the one cut as it was read, the other as it was made."""
    comparison = Comparison(0)

    async def slices():
        whole = slice_of(
            published.values, "p", 0, published.keys, published.timestamps, published.headers
        )
        for part in pieces([whole], at):
            yield part

    async def run():
        found = Published(slices(), FIRST, stop)
        for start, end in zip([0, *taken], [*taken, len(recomputed)], strict=True):
            await comparison.add(cut(recomputed, start, end), found)
        await comparison.close(found)

    asyncio.run(run())
    return comparison


def without(one: Records, places) -> Records:
    keep = [n for n in range(len(one)) if n not in places]
    return Records(*([column[n] for n in keep] for column in
                     (one.keys, one.values, one.timestamps, one.headers)))  # fmt: skip


@given(st.integers(1, 40), st.data())
def test_equal_records_are_equal_however_both_sides_are_cut(count, data):
    own = records(range(FIRST, FIRST + count))
    found = compared(own, own, at=data.draw(cuts(count)), taken=data.draw(cuts(count)))
    assert found.equal
    assert found.compared == count


@given(st.integers(2, 40), st.data())
def test_a_changed_byte_a_missing_and_a_needless_record_are_each_found(count, data):
    own = records(range(FIRST, FIRST + count))
    lost = data.draw(st.sets(st.integers(0, count - 1)), label="lost")
    more = data.draw(st.sets(st.integers(0, count - 1)).map(lambda it: it - lost), label="more")
    left = [n for n in range(count) if n not in lost | more]
    bad = data.draw(st.sets(st.sampled_from(left)) if left else st.just(set()), label="bad")
    values = [prediction(FIRST + n, 0.25) if n in bad else own.values[n] for n in range(count)]
    published = without(replace(own, values=values), lost)
    at, taken = data.draw(cuts(len(published))), data.draw(cuts(count - len(more)))
    found = compared(published, without(own, more), at=at, taken=taken)
    assert (found.missing, found.unexpected, found.differing) == (len(lost), len(more), len(bad))
    assert found.compared == len(left)
    assert found.equal == (not (lost or more or bad))


def test_the_first_differences_tell_what_is_apart():
    own = records(range(FIRST, FIRST + 12))
    other = replace(
        own,
        values=[prediction(FIRST, 0.1), *own.values[1:3], b"nonsense", *own.values[4:]],
        keys=[own.keys[0], b"another", *own.keys[2:]],
        timestamps=[*own.timestamps[:2], 7, *own.timestamps[3:]],
        headers=[[]] * 12,
    )
    found = compared(other, own)
    assert [(one.offset, one.apart) for one in found.first] == [
        (5, "score"),
        (6, "key"),
        (7, "timestamp"),
        (8, "id, score, partition, offset, headers"),
        (12, "headers"),
    ]
    assert found.first[0].published == prediction(5, 0.1).decode()


def test_predictions_before_and_behind_the_range_are_none_of_its_business():
    around, within = records(range(20)), records(range(FIRST, 12))
    assert compared(around, within, stop=12, at=[3, 13]).equal
    assert compared(around, within, stop=13).missing == 0
    assert compared(around, within, stop=13).unexpected == 1


def test_a_second_prediction_of_an_event_is_one_too_many():
    twice = records([5, 6, 7, 6, 8])
    found = compared(twice, records([5, 6, 7, 8]))
    assert (found.compared, found.unexpected, found.missing) == (4, 1, 0)
    assert found.first[0].offset == 6


def test_rows_are_what_a_consumer_would_read():
    assert rows(records([6]))[0] == Row(None, prediction(6), 6_000, ())
    assert rows(records([8]))[0] == Row(b"k8", prediction(8), 8_000, (("trace", b"8"),))
