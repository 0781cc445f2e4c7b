"""What tasks tell each other: when, in which pieces, and what stops them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

import pytest
from counting import Counting, Tally
from hypothesis import given
from hypothesis import strategies as st
from slicing import begun, cuts, pieces, rows, slice_of

import models.deltas
from models import Hashed, Logistic, Mixing, Window
from models.deltas import Decoder
from streams import DeclarationError, Event, Labels, Pipeline, Topic
from streams.image import pack, unpack
from streams.mixing import MixingError, Peer, group_key, of_group
from streams.replaying import Summary, to_nowhere
from streams.reruns import replay_files
from streams.rollback import RollbackError, check_alone
from streams.site import ReplayError
from streams.slices import Slice
from streams.warming import warm


class Visit(Event, frozen=True):
    page: str
    bought: bool


class Seen(Event, frozen=True):
    id: str


MIXING = Mixing(divergence=2, look_every=4)


def shop(mixing: Mixing | None = MIXING, padding: int = 0) -> Pipeline:
    return Pipeline(
        name="shop",
        events=Topic("visits", schema=Visit),
        labels="bought",
        features=[Hashed("page")],
        model=Counting(padding),
        mixing=mixing,
    )


def started(pipeline: Pipeline):
    task = begun(pipeline)
    task.positions = dict.fromkeys(pipeline.consumed_topics, 0)
    return task


def visits(count: int, start: int = 0) -> Slice:
    values = [b'{"page":"p%d","bought":%s}' % (n % 3, b"true" if n % 2 else b"false")
              for n in range(start, start + count)]  # fmt: skip
    return slice_of(values, "visits", start)


def told(deltas, sender: int = 0, start: int = 0) -> Slice:
    """Deltas as they stand in their topic, for whoever reads it in the same group."""
    return slice_of(list(deltas), "shop.deltas", start, keys=[b"%d" % sender] * len(deltas))


def test_what_is_not_declared_is_not_described_and_costs_no_topic():
    alone, together = shop(None), shop()
    assert "mixing" not in alone.describe()
    assert alone.deltas_topic is None
    assert alone.consumed_topics == alone.input_topics == ("visits",)
    assert "mixing" not in begun(alone).image().state
    assert together.describe()["mixing"] == {
        "divergence": 2, "look_every": 4, "how": "saturating",
    }  # fmt: skip
    assert together.consumed_topics == ("visits", "shop.deltas")
    assert together.fingerprint != alone.fingerprint


@pytest.mark.parametrize(
    ("given", "write"),
    [({"mixing": True}, "mixing=Mixing()"), ({"mixing": Mixing()}, "without mixing=")],
)
def test_a_declaration_that_cannot_work_says_what_to_write(given, write):
    class Odd(Counting):
        mixes = False

    with pytest.raises(DeclarationError) as caught:
        Pipeline(
            name="shop",
            events=Topic("visits", schema=Visit),
            labels="bought",
            features=[Hashed("page")],
            model=Odd(),
            **given,
        )
    assert write in str(caught.value)


class Dated(Visit, frozen=True):
    shop: str
    at: datetime


def counted_by(field: str, key: str | None = "page", **settings) -> Pipeline:
    return Pipeline(
        name="shop",
        events=Topic("visits", schema=Dated, key=key, time="at"),
        labels="bought",
        features=[Hashed("page"), Window(by=field, over=["1h"], stats=["count"], **settings)],
        model=Logistic(bits=4),
    )


def test_a_window_that_is_shared_needs_the_topic_of_deltas_and_is_described():
    alone, shares = counted_by("shop"), counted_by("shop", shared=True)
    assert (alone.deltas_topic, shares.deltas_topic) == (None, "shop.deltas")
    assert "shared" not in str(alone.describe())
    assert alone.fingerprint == counted_by("shop", shared=False).fingerprint
    assert shares.fingerprint != alone.fingerprint
    with pytest.raises(RollbackError, match="share windows"):
        check_alone(shares)


def test_a_window_by_the_topics_own_key_has_nothing_to_share():
    with pytest.raises(DeclarationError) as caught:
        counted_by("page", shared=True)
    assert "page is the topic's key" in str(caught.value)
    assert counted_by("page", key=None, shared=True).shares


def test_what_is_no_delta_of_its_windows_stops():
    other = started(counted_by("shop", shared=True))
    task = started(counted_by("shop", shared=True))
    event = b'{"page":"p","bought":true,"shop":"s","at":"2026-05-01T12:00:00Z"}'
    [delta] = other.take(slice_of([event], "visits")).deltas
    for told_, why in (
        (b"\1" + delta[5:], "learners do not mix"),
        (delta[4:5] + b"\7\0" + delta[7:], "windows that this pipeline does not share"),
        (delta[4:-1], "ends within their keys"),
    ):
        with pytest.raises(MixingError, match=why):
            task.take(told([b"\0\0\1\0" + told_], 1))
    assert task.take(told([delta], 1)).folded == 1


def test_shared_windows_are_warmed_up_too():
    warm(counted_by("shop", shared=True))


def test_it_looks_only_where_so_many_labels_have_been_learned():
    task = started(shop())
    assert [len(task.take(visits(1, n)).deltas) for n in range(9)] == [0, 0, 0, 1, 0, 0, 0, 0, 0]
    # The delta of the fourth is under way: at the eighth there is nothing to be told.


def test_late_labels_count_as_they_are_learned():
    pipeline = Pipeline(
        name="shop",
        events=Topic("visits", schema=Seen, id="id"),
        labels=Labels("sales"),
        features=[Hashed("id")],
        model=Counting(),
        mixing=Mixing(divergence=2, look_every=3),
    )
    task = started(pipeline)
    task.take(slice_of([b'{"id":"v%d"}' % n for n in range(10)], "visits"))
    sales = [b'{"id":"v%d","label":1}' % n for n in range(4)]
    assert not task.take(slice_of(sales[:2], "sales")).deltas
    assert task.take(slice_of(sales[2:], "sales", 2)).deltas


@given(st.data())
def test_where_logs_are_cut_makes_no_difference_and_deltas_may_be_cut_in_their_middle(data):
    pipeline = shop(padding=1_200_000)  # three records a delta
    whole, parts = started(pipeline), started(pipeline)
    log: list[Slice] = []
    first = whole.take(visits(7))
    log.append(visits(7))
    assert len(first.deltas) == 3
    another = Tally(1, 1, 1_200_000)
    another.own[0, 1] = 5
    others = list(published(another))
    mixed = [*zip([b"0"] * 3, first.deltas, strict=True), *zip([b"1"] * 3, others, strict=True)]
    order = data.draw(st.permutations([0, 0, 0, 1, 1, 1]))
    turns = [iter(mixed[:3]), iter(mixed[3:])]
    records = [next(turns[sender]) for sender in order]
    deltas = slice_of([it[1] for it in records], "shop.deltas", keys=[it[0] for it in records])
    log += [deltas, visits(9, 7)]
    lines = [row.value for row in rows(first.predictions)]
    for one in log[1:]:
        lines += [row.value for row in rows(whole.take(one).predictions)]
    found = []
    for one in pieces(log, data.draw(cuts(22))):
        parts.restore(unpack(pack(parts.image()))) if data.draw(st.booleans()) else None
        found += [row.value for row in rows(parts.take(one).predictions)]
    assert found == lines
    assert pack(parts.image()) == pack(whole.image())
    assert whole.learner.mixed.sum() == 4 + 5


def test_tasks_that_decode_together_decode_once_and_end_as_if_each_had(monkeypatch):
    pipeline = Pipeline(
        name="shop",
        events=Topic("visits", schema=Visit),
        labels="bought",
        features=[Hashed("page")],
        model=Logistic(bits=4),
        mixing=Mixing(divergence=1e-6, look_every=4),
    )
    deltas = told(started(pipeline).take(visits(9)).deltas, 1)
    alone, *together = (started(pipeline) for _ in range(4))
    decoder, decoded = Decoder(), []
    for task in together:
        task.decode_with(decoder)
    alone.take(deltas)
    decode = models.deltas.decode
    monkeypatch.setattr(
        models.deltas, "decode", lambda *given: (decoded.append(given), decode(*given))[1]
    )
    for task in together:
        assert task.take(deltas).folded == 1
        assert pack(task.image()) == pack(alone.image())
    assert len(decoded) == 1


def published(learner: Tally) -> Sequence[bytes]:
    learner.publish()
    return Peer(learner, "shop.deltas").told(b"")


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        (b"1", b"", "0 bytes are no part of a delta"),
        (b"1", None, "0 bytes are no part of a delta"),
        (b"1", b"\0\0\1\0nonsense", "are no counts"),
        (b"1", b"\1\0\2\0rest", "part 2 of 2 of a delta, of which 0 have come"),
        (b"1", b"\1\0\1\0", "part 2 of 1"),
        (None, b"\0\0\1\0", "the key names no partition"),
        (b"one", b"\0\0\1\0", "the key names no partition"),
    ],
)
def test_what_is_not_the_delta_that_comes_next_stops_with_what_can_be_done(key, value, why):
    task = started(shop())
    with pytest.raises(MixingError) as caught:
        task.take(slice_of([value], "shop.deltas", keys=[key]))
    text = str(caught.value)
    assert text.startswith("shop.deltas-0 at offset 0, key ")
    assert why in text
    assert "--group NAME" in text


def test_a_delta_that_comes_twice_or_too_soon_stops():
    other = Tally(1)
    deltas = []
    for _ in range(2):
        other.own[0, 0] = 3
        deltas += published(other)
        other.way = None
    task = started(shop())
    task.take(told(deltas[:1], 1))
    with pytest.raises(MixingError, match="delta 1 of 1 after 1"):
        task.take(told(deltas[:1], 1, start=1))
    with pytest.raises(MixingError, match="delta 2 of 1 after 0"):
        started(shop()).take(told(deltas[1:], 1))


def test_ones_own_delta_that_one_never_told_stops():
    task = started(shop())
    output = task.take(visits(4))
    with pytest.raises(MixingError):
        started(shop()).take(told(output.deltas))


def test_another_groups_deltas_are_not_ours_and_strangers_are_not_passed_over():
    keys = [group_key("a", 3), group_key("a/b", 4), group_key("a", 12), b"7", None]
    found = of_group(slice_of([b"x"] * 5, "shop.deltas", keys=keys), "a")
    assert list(found.keys) == [b"3", b"12", None, None]
    assert list(found.offsets) == [0, 2, 3, 4]
    assert (found.start, found.next) == (0, 5)


def test_a_backtest_of_partitions_that_could_not_hear_each_other_is_refused():
    pipeline = shop()
    with pytest.raises(ReplayError, match="--partitions 1"):
        asyncio.run(
            replay_files(pipeline, [], 2, lambda _: to_nowhere(), Summary.of(pipeline), print)
        )


def test_going_back_to_an_image_is_refused_for_others_have_taken_over_what_came_after_it():
    with pytest.raises(RollbackError, match="others have taken over"):
        check_alone(shop())
    check_alone(shop(None))


def test_it_is_warmed_up_with_what_it_is_told_and_what_it_tells(monkeypatch):
    folded = []
    fold = Tally.fold
    monkeypatch.setattr(
        Tally, "fold", lambda self, *told: (folded.append(told[0]), fold(self, *told))
    )
    warm(shop())
    assert folded == [1, 0] * (len(folded) // 2) != []
    folded.clear()
    warm(shop(Mixing()))  # which looks too seldom for the few events of a warming-up
    assert folded == [0, 1]
