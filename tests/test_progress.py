from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slicing import slice_of

from models import Hashed, Logistic
from streams import Event, Labels, Pipeline, Topic
from streams.progress import Progress, StateLostError
from streams.task import PartitionTask


class Visit(Event, frozen=True):
    id: str
    page: str


PIPELINE = Pipeline(
    name="shop",
    events=Topic("visits", schema=Visit, id="id"),
    labels=Labels("sales"),
    features=[Hashed("page")],
    model=Logistic(bits=4),
)
STARTS = {"visits": 0, "sales": 0}
NOTHING = {"visits": None, "sales": None}


def visits(n, start=0):
    values = [b'{"id":"%d","page":"p"}' % place for place in range(start, start + n)]
    return slice_of(values, "visits", start)


def begun() -> tuple[PartitionTask, Progress]:
    task = PartitionTask(PIPELINE, 0)
    return task, Progress(task)


def test_a_new_group_begins_where_its_settings_say():
    task, progress = begun()
    progress.resume(None, NOTHING, {"visits": 5, "sales": 9}, "shop")
    assert task.positions == {"visits": 5, "sales": 9}
    assert progress.uncommitted(task.positions) == {"visits": 5, "sales": 9}


def test_a_group_without_an_image_of_what_it_read_is_not_begun_anew_in_silence():
    _, progress = begun()
    with pytest.raises(StateLostError) as caught:
        progress.resume(None, {"visits": 7, "sales": None}, STARTS, "shop-b")
    assert str(caught.value) == (
        "group 'shop-b' has read partition 0 up to {'visits': 7}, but shop.checkpoints-0 holds no "
        "image of what it learned there.\n"
        "  Restore that topic, or begin anew under another group: thalweg worker … --group NAME"
    )


def test_a_restored_task_goes_on_from_its_image():
    former, progress = begun()
    progress.resume(None, NOTHING, STARTS, "shop")
    former.take(visits(3))
    task, progress = begun()
    progress.resume(former.image(), {"visits": 3, "sales": 0}, STARTS, "shop")
    assert task.positions == {"visits": 3, "sales": 0}
    assert progress.uncommitted(task.positions) == {}


@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 12))
def test_what_was_published_is_computed_again_and_not_published_again(committed, start, n):
    _, progress = begun()
    progress.committed = {"visits": committed}
    records = visits(n, start)
    published = {
        offset: publish
        for piece, publish in progress.pieces(records, 4)
        for offset in piece.offsets
    }
    assert published == {offset: offset >= committed for offset in records.offsets}


def test_a_large_slice_comes_in_pieces_of_the_size_asked_for():
    _, progress = begun()
    pieces = list(progress.pieces(slice_of([b"{}"] * 10_000, "visits"), 4_096))
    assert [len(piece) for piece, _ in pieces] == [4_096, 4_096, 1_808]
    assert [piece.start for piece, _ in pieces] == [0, 4_096, 8_192]


def test_offsets_are_committed_only_forward():
    former, progress = begun()
    progress.resume(None, NOTHING, STARTS, "shop")
    former.take(visits(3))
    image = former.image()
    task, progress = begun()
    progress.resume(image, {"visits": 5, "sales": None}, STARTS, "shop")
    assert progress.uncommitted(task.positions) == {"sales": 0}
    task.take(visits(3, 3))
    assert progress.uncommitted(task.positions) == {"visits": 6, "sales": 0}
