from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.journal import Entry, JournalGapError, Recorder, Script

TOPICS = ("visits", "sales")
STARTS = {"visits": 3, "sales": 0}

consumed = st.lists(
    st.lists(st.tuples(st.sampled_from(TOPICS), st.integers(1, 5)), max_size=6), max_size=6
)
"""For each transaction the topics in turn, and how many records of each."""


def journal(transactions) -> tuple[list[Entry], list[tuple[str, int]]]:
    """The entries of some transactions, and offset by offset what was consumed."""
    at, recorder, entries, order = dict(STARTS), Recorder(STARTS), [], []
    for transaction in transactions:
        for topic, count in transaction:
            order += [(topic, at[topic] + n) for n in range(count)]
            at[topic] += count
            recorder.note(topic, at[topic])
        if (entry := recorder.entry(at)) is not None:
            entries.append(Entry.decode(entry.encode()))
    return entries, order


def followed(script: Script, begin) -> list[tuple[str, int]]:
    at, order = dict(begin), []
    while (step := script.step) is not None:
        topic, upto = step
        order += [(topic, offset) for offset in range(at[topic], upto)]
        at[topic] = upto
        script.done()
    return order


@given(consumed)
def test_a_journal_tells_the_order_of_everything_from_its_beginning_to_its_end(transactions):
    entries, order = journal(transactions)
    end = entries[-1].end if entries else STARTS
    assert followed(Script(entries, STARTS, end), STARTS) == order


@given(consumed, st.data())
def test_from_any_point_on_the_way_the_rest_follows_in_the_same_order(transactions, data):
    entries, order = journal(transactions)
    end = entries[-1].end if entries else STARTS
    done = data.draw(st.integers(0, len(order)))
    begin = {
        topic: STARTS[topic] + sum(one == topic for one, _ in order[:done]) for topic in TOPICS
    }
    assert followed(Script(entries, begin, end), begin) == order[done:]


@given(consumed.filter(lambda them: sum(map(bool, them)) > 1), st.data())
def test_a_missing_entry_is_told(transactions, data):
    entries, _ = journal(transactions)
    end = entries[-1].end
    del entries[data.draw(st.integers(0, len(entries) - 1))]
    with pytest.raises(JournalGapError):
        Script(entries, STARTS, end)


def test_offsets_without_a_record_end_an_entry():
    recorder = Recorder(STARTS)
    recorder.note("visits", 5)
    entry = recorder.entry({"visits": 7, "sales": 2})
    assert entry == Entry(STARTS, [("visits", 7), ("sales", 2)])
    assert recorder.entry({"visits": 7}) is None


def test_what_is_no_entry_is_told():
    with pytest.raises(JournalGapError, match="no entry"):
        Entry.decode(b"\xff")
