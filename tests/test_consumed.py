"""A range of the past ends where it ended then: with the labels that were known, and no others."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.consumed import reached
from streams.journal import Recorder, Script

BEGIN = {"visits": 3, "sales": 0}
STEPS = st.lists(st.tuples(st.sampled_from(["visits", "sales"]), st.integers(1, 5)), min_size=1)


def consumed(entries, begin, end) -> list[tuple[str, int]]:
    """The records in the order that a script gives them."""
    script, at, order = Script(entries, begin, end), dict(begin), []
    while (step := script.step) is not None:
        topic, upto = step
        order += [(topic, offset) for offset in range(at[topic], upto)]
        at[topic] = upto
        script.done()
    return order


@given(STEPS, st.sets(st.integers(0, 40)), st.data())
def test_it_is_the_beginning_of_what_was_consumed_up_to_that_event(steps, commits, data):
    recorder, at, entries = Recorder(BEGIN), dict(BEGIN), []
    for turn, (topic, count) in enumerate(steps):
        at[topic] += count
        recorder.note(topic, at[topic])
        if turn in commits or turn == len(steps) - 1:
            entries.append(recorder.entry({}))
    whole = consumed(entries, BEGIN, at)
    assert reached(entries, BEGIN, "visits", None) == at
    stop = data.draw(st.integers(BEGIN["visits"], at["visits"]), label="stop")
    found = consumed(entries, BEGIN, reached(entries, BEGIN, "visits", stop))
    visits = [record for record in found if record[0] == "visits"]
    assert found == whole[: len(found)]
    assert len(visits) == stop - BEGIN["visits"]
    if stop > BEGIN["visits"] and found:
        assert found[-1] == ("visits", stop - 1)


@given(STEPS, st.data())
def test_an_image_on_the_way_leads_to_the_same_end(steps, data):
    recorder, at, places = Recorder(BEGIN), dict(BEGIN), [dict(BEGIN)]
    for topic, count in steps:
        at[topic] += count
        recorder.note(topic, at[topic])
        places.append(dict(at))
    entries = [recorder.entry({})]
    image = data.draw(st.sampled_from(places), label="image")
    stop = data.draw(st.integers(image["visits"], at["visits"]), label="stop")
    from_begin = reached(entries, BEGIN, "visits", stop)
    from_image = reached(entries, image, "visits", stop)
    if stop > image["visits"]:
        assert from_image == from_begin
    else:
        assert from_image["visits"] == stop
