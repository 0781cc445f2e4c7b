from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from slicing import slice_of

from streams.journal import Entry, Script
from streams.recovery import Recovery

BEGIN = {"visits": 2, "sales": 0}
STEPS = [("visits", 6), ("sales", 3), ("visits", 7), ("sales", 9), ("visits", 20)]
END = {"visits": 20, "sales": 9}


def recovery(end=END) -> Recovery:
    return Recovery(Script([Entry(BEGIN, STEPS)], BEGIN, end), BEGIN, end)


def records(topic: str, start: int, stop: int):
    return slice_of([b"%d" % n for n in range(start, stop)], topic, start)


@given(st.data())
def test_however_the_records_come_they_leave_in_the_order_of_the_script(data):
    recovered, order, at = recovery(), [], dict(BEGIN)
    while recovered.wanted is not None:
        topic = data.draw(st.sampled_from([one for one in at if at[one] < END[one]]))
        count = data.draw(st.integers(1, END[topic] - at[topic]))
        recovered.offer(records(topic, at[topic], at[topic] + count))
        at[topic] += count
        for part in recovered.ready():
            order += [(part.topic, offset) for offset in part.offsets]
    expected, at = [], dict(BEGIN)
    for topic, upto in STEPS:
        expected += [(topic, offset) for offset in range(at[topic], upto)]
        at[topic] = upto
    assert order == expected
    assert recovered.left == 0
    assert recovered.rest() == []


def test_what_comes_beyond_the_end_is_kept_for_later():
    end = {"visits": 6, "sales": 3}
    recovered = recovery(end)
    recovered.offer(records("visits", 2, 9))
    assert [(part.start, part.next) for part in recovered.ready()] == [(2, 6)]
    assert recovered.wanted == "sales"
    recovered.offer(records("sales", 0, 5))
    assert [(part.start, part.next) for part in recovered.ready()] == [(0, 3)]
    assert recovered.wanted is None
    rest = recovered.rest()
    assert [(part.topic, part.start, part.next) for part in rest] == [
        ("visits", 6, 9),
        ("sales", 3, 5),
    ]


def test_it_says_how_much_is_left_and_what_it_waits_for():
    recovered = recovery()
    assert recovered.left == 27
    assert recovered.wanted == "visits"
    recovered.offer(records("sales", 0, 9))
    assert list(recovered.ready()) == []
    assert recovered.waiting("sales") == 1
    recovered.offer(records("visits", 2, 6))
    assert len(list(recovered.ready())) == 2
    assert recovered.left == 20
    assert recovered.wanted == "visits"


def test_a_gap_of_offsets_without_records_is_passed_over():
    recovered = recovery({"visits": 6, "sales": 0})
    compacted = slice_of([b"a"], "visits", 2)
    recovered.offer(compacted.since(2))
    assert len(list(recovered.ready())) == 1
    assert recovered.left == 3
