"""Tests of models.spikes: how often a key's events were far above its own mean."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import Spikes
from models.column import EVENT_TIME
from models.dictrows import DictRows
from models.encoders import HashedEncoder, NamedEncoder
from models.feature import FeatureError
from models.memory import Memory
from models.named import flat, named
from models.rows import Rows

law = settings(deadline=None)  # a first example compiles

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
SPIKES = Spikes(
    "amount", by="card", above=1.5, usual="60s", over=["5s", "30s"], late="4s", scale=None
)

EVENTS = st.lists(
    st.tuples(
        st.sampled_from([None, "a", "a", "b"]),
        st.integers(0, 9),
        st.sampled_from([0, 0, 0, 2, 4]),
        st.none() | st.integers(-100, 1000).map(lambda cents: cents / 100),
    ),
    max_size=25,
)


def placed(steps):
    """Events whose time goes on by some, and of which some are late, but none too late."""
    now, events = 0, []
    for card, ahead, behind, amount in steps:
        now += ahead
        at = BEGIN + timedelta(seconds=now - behind)
        events.append({"amount": amount, "card": card, EVENT_TIME: at})
    return events


def columns_of(events):
    return {name: [event[name] for event in events] for name in ("amount", "card", EVENT_TIME)}


def plain(events, n):
    """How many events are spikes in each window of the nth, by the words of the definition."""

    def seen(n, over):
        at, card = events[n][EVENT_TIME], events[n]["card"]
        return [
            m
            for m, other in enumerate(events[: n + 1])
            if other["card"] == card
            and other["amount"] is not None
            and at - timedelta(seconds=over) < other[EVENT_TIME] <= at
        ]

    def spike(n):
        usual = [events[m]["amount"] for m in seen(n, 60) if m != n]
        mean = fmean(usual) if usual else 0.0
        return mean != 0.0 and events[n]["amount"] / mean > 1.5

    if events[n]["card"] is None:
        return None
    return [sum(spike(m) for m in seen(n, over)) for over in (5, 30)]


@law
@given(EVENTS)
def test_figures_are_those_of_the_definition(steps):
    events = placed(steps)
    if not events:
        return
    columns = {name: list(column) for name, column in columns_of(events).items()}
    found = SPIKES.figures(columns, Memory()).tolist()
    assert [None if math.isnan(row[0]) else row for row in found] == [
        plain(events, n) for n in range(len(events))
    ]


@law
@given(EVENTS, st.integers(0, 25))
def test_no_cut_and_no_restart_changes_a_bit_for_our_models_or_rivers(steps, cut):
    events = placed(steps)
    memory = Memory()
    expected = [flat(named([SPIKES], event, memory)) for event in events]
    for make, kind in (
        (lambda: HashedEncoder([SPIKES], 18), Rows),
        (lambda: NamedEncoder([SPIKES]), DictRows),
    ):
        first, second, rows, whole = make(), make(), kind(), kind()
        first.append(columns_of(events[:cut]), len(events[:cut]), rows)
        second.restore(first.state())
        second.append(columns_of(events[cut:]), len(events[cut:]), rows)
        make().append(columns_of(events), len(events), whole)
        assert repr(rows.state()) == repr(whole.state())
        if kind is DictRows:
            assert [whole[n] for n in range(whole.next)] == expected


def test_an_event_without_a_past_is_none_and_one_counts_in_its_own_windows():
    amounts = [10.0, 10.0, 15.0, 15.1, 40.0, 1.0]
    events = placed([("a", 2, 0, amount) for amount in amounts])
    spikes = Spikes("amount", by="card", above=1.5, usual="4s", over=["3s"])
    # The usual ones are those of less than four seconds before: the one before.
    assert spikes.figures(columns_of(events), Memory()).T.tolist() == [[0, 0, 0, 0, 1, 1]]


def test_an_event_that_comes_too_late_has_no_figures():
    events = placed([("a", 9, 0, 1.0), ("a", 0, 5, 9.0), ("a", 1, 0, 1.0)])
    assert (
        np.isnan(SPIKES.figures(columns_of(events), Memory())).T.tolist()
        == [[False, True, False]] * 2
    )


def test_spikes_are_named_after_what_they_are_of_and_only_they_are_remembered():
    encoder = HashedEncoder([Spikes("amount", by="card", above=2, usual="1d", over=["1h"])], 10)
    times = np.arange(4).astype("datetime64[s]").astype("datetime64[us]")
    encoder.append(
        {"amount": [1.0, 1.0, 9.0, 1.0], "card": list("aaaa"), EVENT_TIME: times}, 4, Rows()
    )
    assert encoder.summary()["window_events"] == 4 + 1
    assert SPIKES.names == ("amount-spikes-by-card.5s", "amount-spikes-by-card.30s")
    assert (SPIKES.slots, SPIKES.fields, SPIKES.numbers) == ("2", ("amount", "card"), ("amount",))
    assert SPIKES.most_events == 2_000_000


def declared(**changed):
    return Spikes("amount", **{"by": "card", "above": 2, "usual": "7d", "over": ["1d"], **changed})


@pytest.mark.parametrize(
    ("make", "said", "write"),
    [
        (lambda: declared(above=0), "a positive number", "above=2.5"),
        (lambda: declared(above="2"), "a positive number", "above=2.5"),
        (lambda: declared(above=math.nan), "a positive number", "above=2.5"),
        (lambda: declared(usual="always"), "'always' is no duration", "usual='60d'"),
        (lambda: declared(over=[]), "1 to 16 different durations", "over=['1d', '7d']"),
        (lambda: declared().check({"amount": str, "card": str}), "no mean", "amount: float"),
        (lambda: declared().check({"amount": float, "card": float}), "a key is", "card: str"),
    ],
)
def test_spikes_that_cannot_work_are_answered_with_some_that_can(make, said, write):
    with pytest.raises(FeatureError) as error:
        make()
    assert said in error.value.why
    assert write in error.value.write
