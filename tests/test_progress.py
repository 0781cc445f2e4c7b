from __future__ import annotations

import pytest
from counting import Counting
from slicing import slice_of

from models import Hashed, Logistic, Mixing
from streams import Event, Labels, Pipeline, Topic
from streams.journal import Entry
from streams.progress import Progress, StateLostError
from streams.task import PartitionTask


class Visit(Event, frozen=True):
    id: str
    page: str
    bought: bool = False


def shop(labels: Labels | str) -> Pipeline:
    return Pipeline(
        name="shop",
        events=Topic("visits", schema=Visit, id="id"),
        labels=labels,
        features=[Hashed("page")],
        model=Logistic(bits=4),
    )


PIPELINE, INSIDE = shop(Labels("sales")), shop("bought")
STARTS = {"visits": 0, "sales": 0}
NOTHING = {"visits": None, "sales": None}


def visits(n, start=0):
    values = [b'{"id":"%d","page":"p"}' % place for place in range(start, start + n)]
    return slice_of(values, "visits", start)


def begun(pipeline: Pipeline = PIPELINE) -> tuple[PartitionTask, Progress]:
    task = PartitionTask(pipeline, 0)
    return task, Progress(task, "shop-b")


def image_at(visited: int):
    former, progress = begun()
    progress.resume(None, NOTHING, STARTS)
    former.take(visits(visited))
    return former.image()


def test_a_new_group_begins_where_its_settings_say():
    task, progress = begun()
    progress.resume(None, NOTHING, {"visits": 5, "sales": 9})
    assert task.positions == progress.end == {"visits": 5, "sales": 9}
    assert progress.uncommitted(task.positions) == {"visits": 5, "sales": 9}
    assert progress.recovery([], STARTS).wanted is None


def test_a_group_without_an_image_of_what_it_read_is_not_begun_anew_in_silence():
    _, progress = begun()
    with pytest.raises(StateLostError) as caught:
        progress.resume(None, {"visits": 7, "sales": None}, STARTS)
    assert str(caught.value) == (
        "group 'shop-b' has read partition 0 up to {'visits': 7}, but shop.checkpoints-0 holds no "
        "image of what it learned there.\n"
        "  Restore that topic, or begin anew under another group: thalweg worker … --group NAME"
    )


def test_from_an_image_that_is_as_new_as_the_offsets_there_is_nothing_to_recover():
    task, progress = begun()
    progress.resume(image_at(3), {"visits": 3, "sales": 0}, STARTS)
    assert task.positions == {"visits": 3, "sales": 0}
    assert progress.uncommitted(task.positions) == {}
    assert progress.recovery([], STARTS).wanted is None


@pytest.mark.parametrize("committed", [NOTHING, {"visits": 2, "sales": 0}, {"visits": 9}])
def test_where_offsets_are_gone_the_journal_is_believed(committed):
    task, progress = begun()
    progress.resume(image_at(3), committed, STARTS)
    entries = [Entry({"visits": 0, "sales": 0}, [("visits", 5), ("sales", 4), ("visits", 9)])]
    recovery = progress.recovery(entries, STARTS)
    assert progress.end == {"visits": 9, "sales": 4}
    assert (recovery.wanted, recovery.left) == ("visits", 10)
    assert progress.uncommitted(task.positions) == {}


def test_a_journal_without_an_image_is_not_begun_anew_in_silence():
    _, progress = begun()
    progress.resume(None, NOTHING, STARTS)
    with pytest.raises(StateLostError, match=r"shop\.checkpoints-0 holds no image"):
        progress.recovery([Entry({"visits": 0, "sales": 0}, [("visits", 5)])], STARTS)


def test_what_was_committed_after_the_image_is_recovered_in_the_journals_order():
    _, progress = begun()
    progress.resume(image_at(3), {"visits": 9, "sales": 4}, STARTS)
    entries = [
        Entry({"visits": 0, "sales": 0}, [("visits", 5), ("sales", 4)]),
        Entry({"visits": 5, "sales": 4}, [("visits", 9)]),
    ]
    recovery = progress.recovery(entries, STARTS)
    assert (recovery.wanted, recovery.left) == ("visits", 10)
    recovery.offer(visits(6, 3))
    assert [(part.start, part.next) for part in recovery.ready()] == [(3, 5)]
    assert recovery.wanted == "sales"


def test_a_journal_that_does_not_lead_to_what_was_committed_stops_with_what_can_be_done():
    _, progress = begun()
    progress.resume(image_at(3), {"visits": 9, "sales": 4}, STARTS)
    with pytest.raises(StateLostError) as caught:
        progress.recovery([Entry({"visits": 5, "sales": 4}, [("visits", 9)])], STARTS)
    text = str(caught.value)
    assert text.startswith("shop.journal-0 does not tell in which order")
    assert "thalweg checkpoints rollback" in text
    assert "--group NAME" in text


def test_a_log_that_was_cut_off_behind_the_image_stops_with_what_can_be_done():
    _, progress = begun()
    progress.resume(image_at(3), {"visits": 9, "sales": 0}, STARTS)
    with pytest.raises(StateLostError) as caught:
        progress.recovery([], {"visits": 6, "sales": 0})
    text = str(caught.value)
    assert "visits-0 begins at 6, 3 is needed" in text
    assert "thalweg checkpoints rollback" in text
    assert "retention.ms" in text


def test_of_one_log_the_journal_tells_how_far_it_was_read():
    former, progress = begun(INSIDE)
    former.positions = {"visits": 0}
    progress.resume(former.image(), {"visits": None}, {"visits": 0})
    recovery = progress.recovery([Entry({"visits": 0}, [("visits", 4)])], {"visits": 0})
    assert (recovery.wanted, recovery.left) == ("visits", 4)


def test_offsets_are_committed_only_forward():
    image = image_at(3)
    task, progress = begun()
    progress.resume(image, {"visits": 5, "sales": 0}, STARTS)
    assert progress.uncommitted(task.positions) == {}
    task.take(visits(3, 3))
    assert progress.uncommitted(task.positions) == {"visits": 6}


MIXED = Pipeline(
    name="shop",
    events=Topic("visits", schema=Visit, id="id"),
    labels="bought",
    features=[Hashed("page")],
    model=Counting(),
    mixing=Mixing(divergence=1e9),
)


def resumed(entries: list[Entry], committed: int | None = 9):
    """With an image at visit 3 of a task that mixes, and what the journal tells since."""
    former, progress = begun(MIXED)
    progress.resume(None, {"visits": None}, {"visits": 0, "shop.deltas": 0})
    former.take(visits(3))
    task, progress = begun(MIXED)
    progress.resume(former.image(), {"visits": committed}, {"visits": 0, "shop.deltas": 0})
    return task, progress, progress.recovery(entries, {"visits": 0, "shop.deltas": 0})


def test_how_far_deltas_were_read_is_what_the_journal_says():
    entries = [
        Entry({"visits": 0, "shop.deltas": 0}, [("visits", 5), ("shop.deltas", 7)]),
        Entry({"visits": 5, "shop.deltas": 7}, [("visits", 9), ("shop.deltas", 8)]),
    ]
    _, progress, recovery = resumed(entries)
    assert progress.end == {"visits": 9, "shop.deltas": 8}
    assert (recovery.wanted, recovery.left) == ("visits", 6 + 8)
    task, progress, recovery = resumed([], committed=3)
    assert progress.end == task.positions == {"visits": 3, "shop.deltas": 0}
    assert recovery.wanted is None


def test_deltas_that_are_deleted_and_needed_stop_with_where_they_began():
    former, progress = begun(MIXED)
    progress.resume(None, {"visits": None}, {"visits": 0, "shop.deltas": 0})
    _, progress = begun(MIXED)
    progress.resume(former.image(), {"visits": 0}, {"visits": 0, "shop.deltas": 0})
    with pytest.raises(StateLostError, match=r"shop\.deltas-0 begins at 4, 0 is needed"):
        progress.recovery([], {"visits": 0, "shop.deltas": 4})
