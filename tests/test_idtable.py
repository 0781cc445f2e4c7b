"""Tests of streams.idtable: it finds what was entered and not erased, however full it is."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.idtable import enter, erase, find, likely

ENTRY = np.dtype([("low", "u8"), ("high", "u8")])

# Digests whose first cells are the same few, at both ends of the table.
lows = st.sampled_from([0, 1, 2**33, 2**63, 2**64 - 1, 2**64 - 2**33]) | st.integers(0, 2**64 - 1)
digests = st.lists(st.tuples(lows, st.integers(0, 3)), unique=True, min_size=1, max_size=12)


@settings(deadline=None)
@given(digests, st.integers(1, 4), st.lists(st.integers(0, 11), max_size=60))
def test_an_id_is_found_from_when_it_is_entered_until_it_is_erased(ids, spare, toggled):
    entries = np.array(ids, ENTRY)
    table = np.zeros(len(ids) + spare, np.int64)
    entered: set[int] = set()
    for slot in toggled:
        if slot in entered:
            erase(entries, table, slot)
            entered.remove(slot)
        elif slot < len(ids):
            enter(entries, table, slot)
            entered.add(slot)
        for other, entry in enumerate(entries):
            expected = other if other in entered else -1
            assert find(entries, table, entry["low"], entry["high"]) == expected
            guess = likely(table, entry["low"])
            assert guess in entered or (guess == -1 and other not in entered)
        assert np.count_nonzero(table) == len(entered)
