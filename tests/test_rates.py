"""Tests of models.rates: a label is seen when it is learned and old enough, in whatever cut."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as parquet
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_rates import PlainRates

from models import LabelRate
from models.column import EVENT_TIME
from models.encoders import HashedEncoder
from models.protocol import SCORE, Plan
from models.rates import Rates
from models.rows import Rows
from models.textcolumn import TextColumn
from streams.joiner import Joiner

law = settings(deadline=None, max_examples=300)  # a first example compiles

OVER, DELAY = [3, 10, 30], 8


class Step(NamedTuple):
    """A row to score, which has a key and a time; or to learn, which has a label."""

    row: int
    key: str | None = None
    at: int = 0
    label: float | None = None


targets = st.one_of(
    st.sampled_from([0, 1, True, False]),
    st.integers(-500, 50_000).map(lambda cents: cents / 100),
    st.sampled_from([-0.0, 1e80, 1e40, 1e-20]),
)


@st.composite
def streams(draw, most=40):
    """Events whose time goes on by some, of which some are late; labels when they come, if ever."""
    keys = st.sampled_from([None, "", "a", "a", "a", "b", "c"])
    event = st.tuples(keys, st.integers(0, 6), st.integers(0, 9))
    now, steps, unlabelled = 0, [], []
    for row, (key, ahead, behind) in enumerate(draw(st.lists(event, max_size=most))):
        now += ahead if behind < 9 else 7 * ahead
        steps.append(Step(row, key, now - behind if behind in (3, 8) else now))
        unlabelled.append(row)
        while unlabelled and draw(st.booleans()):
            learned = unlabelled.pop(draw(st.integers(0, len(unlabelled) - 1)))
            steps.append(Step(learned, label=draw(targets)))
    return steps


def taken(rates, steps, words=tuple):
    """What some steps answer, of each window all that is asked."""
    plan, events = Plan(), [step for step in steps if step.label is None]
    for step in steps:
        if step.label is None:
            plan.score(step.row)
        else:
            plan.learn(step.row, step.label)
    if not events:
        rates.learn(plan)
        return []
    keys, times = [step.key for step in events], np.array([step.at for step in events], np.int64)
    found = rates.take(keys, times, plan)
    return [
        None if math.isnan(answer[0, 0]) else [words(window) for window in answer.T.tolist()]
        for answer in np.moveaxis(found, 1, 0)
    ]


def asked(plain, steps):
    """The same of the plain ones."""
    answers = []
    for step in steps:
        if step.label is None:
            answers.append(plain.ask(step.key, step.at))
        else:
            plain.learn(step.row, step.label)
    return answers


def waiting(steps):
    """The first row that is still to be learned; where there is none, the next."""
    later = [step.row for step in steps if step.label is not None]
    new = [step.row for step in steps if step.label is None]
    return min([*later, *new], default=10_000)


def bits(state):
    return {
        name: bits(it) if isinstance(it, dict) else np.asarray(it).tobytes()
        for name, it in state.items()
    }


LATE = st.sampled_from([0, 2, 5, 30])
REMEMBER = st.sampled_from([1, 2, 3, 5, 8, 1000])


@law
@given(streams(), LATE, REMEMBER)
def test_figures_are_those_of_plain_python_to_the_bit(steps, late, remember):
    rates = Rates(OVER, DELAY, late, remember, stats=("count", "sum"))
    plain = PlainRates(OVER, DELAY, late, remember)
    assert taken(rates, steps) == asked(plain, steps)
    assert rates.summary() == plain.summary()
    assert rates.summary()["events"] <= remember
    assert rates.summary()["keys"] <= remember


@law
@given(streams(), LATE)
def test_an_event_sees_what_was_learned_of_its_key_a_delay_ago_and_nothing_else(steps, late):
    rates = Rates(OVER, DELAY, late, 1000, stats=("count", "sum"))
    answers, learned, events = iter(taken(rates, steps)), [], {}
    for step in steps:
        if step.label is not None:
            learned.append((*events[step.row], step.label))
            continue
        events[step.row] = step.key, step.at
        found = next(answers)
        if found is None:  # without a key, or too late
            newest = max((at for key, at in events.values() if key == step.key), default=0)
            assert step.key is None or step.at < newest - late
            continue
        # What no window of an event in time can hold is forgotten, whosever it is.
        behind = step.at < max(at for _, at in events.values()) - late
        end = step.at - DELAY
        for over, (count, total) in zip(OVER, found, strict=True):
            seen = [y for key, at, y in learned if key == step.key and end - over < at <= end]
            exact = (count, total) == (len(seen), math.fsum(seen))
            assert exact or (behind and count < len(seen))


@law
@given(streams(), LATE, REMEMBER)
def test_a_streak_is_of_the_last_labels_of_a_window_as_long_as_they_are_positive(
    steps, late, remember
):
    rates = Rates(OVER, DELAY, late, remember, stats=("count", "since_positive", "streak"))
    plain = PlainRates(OVER, DELAY, late, remember)
    assert taken(rates, steps, in_ticks) == asked_streaks(plain, steps)


def in_ticks(window):
    """The two figures of a streak, None where there is none."""
    return tuple(None if math.isnan(figure) else round(figure * 1e6) for figure in window[1:])


def asked_streaks(plain, steps):
    """Of each event the two figures of each window's streak; None where it has no answer."""
    answers = []
    for step in steps:
        if step.label is not None:
            plain.learn(step.row, step.label)
            continue
        found, streaks = plain.ask(step.key, step.at), []
        for over in OVER if found else ():
            end, since, last = step.at - DELAY, None, None
            labels = plain.keys[step.key].labels if step.key in plain.keys else []
            for at, _, label in labels:  # by the time of their events
                if end - over < at <= end:
                    positive = label > 0
                    since = (at if since is None else since) if positive else None
                    last = at if positive else None
            streaks.append(tuple(at if at is None else step.at - at for at in (last, since)))
        answers.append(found and streaks)
    return answers


@law
@given(streams(), st.lists(st.integers(0, 80), max_size=5), LATE, REMEMBER)
def test_no_cut_and_no_restart_changes_a_bit(steps, cuts, late, remember):
    def fresh():
        stats = ("count", "sum", "since_positive", "streak")
        return Rates(OVER, DELAY, late, remember, stats=stats)

    whole, parts, found = fresh(), fresh(), []
    expected = taken(whole, steps, repr)
    whole.drop_before(waiting([]))
    taken(parts, [Step(0, "other", 3), Step(0, label=1.0)])
    parts.restore(fresh().state())
    for start, stop in pairwise([0, *sorted(min(cut, len(steps)) for cut in cuts), len(steps)]):
        found += taken(parts, steps[start:stop], repr)
        parts.drop_before(waiting(steps[stop:]))
        restored = fresh()
        restored.restore(parts.state())
        parts = restored
    assert found == expected
    assert parts.summary() == whole.summary()
    assert bits(parts.state()) == bits(whole.state())


@law
@given(streams())
def test_to_count_labels_their_sum_is_not_needed(steps):
    alone = taken(Rates(OVER, DELAY, 5, 8, stats=("count",)), steps)
    both = taken(Rates(OVER, DELAY, 5, 8, stats=("count", "sum")), steps)
    assert [row and [n for (n,) in row] for row in alone] == [
        row and [n for n, _ in row] for row in both
    ]


@law
@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(0, 6), st.none() | st.sampled_from([0, 1])),
        max_size=25,
    ),
    st.data(),
)
def test_when_a_label_comes_is_all_the_same_if_it_comes_within_the_delay(events, data):
    """Before its event even, or with it, in any order, doubled: silence means 0 after the delay."""
    keys, ahead, labels = zip(*events, strict=True) if events else ((), (), ())
    times = np.cumsum(ahead, dtype=np.int64)
    found = []
    for _ in range(2):
        encoder = HashedEncoder([RATE], 10)
        rows, joiner = Rows(), Joiner(DELAY, 0, 1000)
        told = [
            (n, data.draw(st.integers(0, DELAY)), data.draw(st.integers(0, len(events))))
            for n in range(len(events))
            if labels[n] is not None
            for _ in range(data.draw(st.integers(1, 2)))
        ]
        for n in range(len(events) + 1):
            for other, after, _ in (it for it in told if min(it[2], it[0] + 1) == n):
                plan = Plan()
                names, date = TextColumn.of([f"{other}"]), np.array([times[other] + after], float)
                joiner.labels(names, [labels[other]], date, plan)
                if len(plan):
                    encoder.learn(plan)
            if n < len(events):
                plan = Plan()
                joiner.events(TextColumn.of([f"{n}"]), times[n : n + 1].astype(float), n, plan)
                at = (times[n : n + 1] * 1_000_000).view("datetime64[us]")
                encoder.append({"key": [keys[n]], EVENT_TIME: at}, 1, rows, plan)
        found.append(rows.window(0, rows.next)[2].tolist())
    assert found[0] == found[1]
    expected = []
    for n, (key, now) in enumerate(zip(keys, times.tolist(), strict=True)):
        known = [
            (at, labels[other] or 0)
            for other, at in enumerate(times[:n].tolist())
            if keys[other] == key and now - DELAY - 10 < at <= now - DELAY
        ]
        expected += [len(known), sum(y for _, y in known) / max(len(known), 1)]
    assert found[0] == expected


RATE = LabelRate(by="key", over=["10s"], delay=f"{DELAY}s", scale=None)


def test_an_event_as_old_as_delay_and_window_is_out_and_one_as_old_as_the_delay_is_in():
    rates = Rates([10], 5, 10, 100, stats=("count", "sum"))
    events = [Step(n, "a", at) for n, at in enumerate([0, 9, 9])]
    taken(rates, [*events, *(Step(n, label=1.0) for n in range(3))])
    asks = [Step(3 + n, "a", at) for n, at in enumerate([4, 5, 13, 14, 15, 23, 24])]
    counts = [answer[0][0] for answer in taken(rates, asks)]
    assert counts == [0, 1, 1, 3, 2, 2, 0]


def test_a_label_that_is_too_young_stays_so_over_a_restart():
    rates, restored = (Rates(OVER, DELAY, 5, 1000, stats=("count", "sum")) for _ in range(2))
    events = [Step(0, "a", 0), Step(0, label=1), Step(1, "a", 6), Step(1, label=1)]
    taken(rates, [*events, Step(2, "a", 10)])
    restored.restore(rates.state())
    for one in (rates, restored):
        answers = taken(one, [Step(3, "a", 12), Step(4, "a", 14)])
        assert [answer[1] for answer in answers] == [(1, 1.0), (2, 2.0)]


def test_a_sum_does_not_drift_however_many_labels_there_are():
    rates = Rates([1000], 1, 1, 10**6, stats=("count", "sum"))
    events = [step for n in range(3000) for step in (Step(n, "a", n), Step(n, label=0.1))]
    answers = taken(rates, [*events, Step(3000, "a", 3000)])
    assert [answer[0] for answer in answers[1:]] == [
        (min(n, 1000), math.fsum([0.1] * min(n, 1000))) for n in range(1, 3001)
    ]


def test_the_handbooks_terminal_windows_are_ours_in_every_row(shared_data):
    """Counts and risks of terminals, with labels that take up to the delay of seven days."""
    payments = parquet.read_table(shared_data / "handbook_raw.parquet")
    payments = payments.sort_by([("TX_DATETIME", "ascending"), ("TRANSACTION_ID", "ascending")])
    features = parquet.read_table(shared_data / "handbook_features.parquet")
    ids, terminals, frauds = (
        payments[name].to_numpy().astype(np.int64)
        for name in ("TRANSACTION_ID", "TERMINAL_ID", "TX_FRAUD")
    )
    times = payments["TX_DATETIME"].to_numpy().astype("datetime64[us]")
    at, day, step = times.view(np.int64) / 1e6, 86_400.0, 20_000

    rate = LabelRate(by="terminal", over=["1d", "7d", "30d"], delay="7d", scale=None)
    encoder, rows, joiner = HashedEncoder([rate], 10), Rows(), Joiner(7 * day, 0, 1_000_000)
    found = []
    for start in range(0, len(ids), step):
        few, plan, first = slice(start, start + step), Plan(), rows.next
        joiner.events(TextColumn.of_integers(ids[few]), at[few], first, plan)
        columns = {"terminal": TextColumn.of_integers(terminals[few]), EVENT_TIME: times[few]}
        scores = np.count_nonzero(np.frombuffer(plan.op, np.int8) == SCORE)
        encoder.append(columns, scores, rows, plan)
        found.append(rows.window(first, rows.next)[2].reshape(-1, 6).copy())
        bad, plan = start + np.flatnonzero(frauds[few]), Plan()
        told = at[bad] + bad % 7 * day  # complaints come within the week
        joiner.labels(TextColumn.of_integers(ids[bad]), frauds[bad], told, plan)
        if len(plan):
            encoder.learn(plan)
        rows.drop_before(joiner.oldest(rows.next))
        encoder.drop_before(rows.first)
    figures = np.concatenate(found)

    order = np.argsort(ids)
    places = order[np.searchsorted(ids[order], features["TRANSACTION_ID"].to_numpy())]
    other = np.zeros(len(places), np.bool_)
    for column, (stat, days) in enumerate((s, d) for s in ("NB_TX", "RISK") for d in (1, 7, 30)):
        theirs = features[f"TERMINAL_ID_{stat}_{days}DAY_WINDOW"].to_numpy()
        other |= ~np.isclose(figures[places, column], theirs, rtol=1e-6, atol=0)
    assert len(places) == 919_767
    assert not np.count_nonzero(other)
    assert encoder.summary()["window_evicted"] == encoder.summary()["window_too_late"] == 0


def test_the_first_label_of_an_event_counts_and_a_correction_does_not() -> None:
    day = 86_400_000_000
    rates = Rates([day], day, day, 10, stats=("count", "sum"))
    plan = Plan()
    plan.score_run(0, 2)
    rates.take(["a", "a"], np.array([0, 1]), plan)
    both = Plan()
    both.learn_each([0, 0, 1], [1, 0, 1])
    rates.learn(both)
    again = Rates([day], day, day, 10, stats=("count", "sum"))
    again.restore(rates.state())
    corrected = Plan()
    corrected.learn(1, 0)
    for one in (rates, again):
        one.learn(corrected)
        asked = Plan()
        asked.score(2)
        count, total = one.take(["a"], np.array([day + 1]), asked)
        assert (count[0, 0], total[0, 0]) == (2.0, 2.0)
