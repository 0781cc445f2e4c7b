"""Alerts keep to their budget, whatever comes, and however the events are cut."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.alerting import (
    BINS,
    BY_EXPLORING,
    BY_SCORE,
    DAY,
    EARLIER_ALERT,
    EXPLORED,
    FREE,
    QUIET,
    RAISED,
    SPENT,
    UNKNOWN,
)
from models.alerts import Alerts

law = settings(deadline=None, max_examples=200)  # a first example compiles

HOUR = DAY // 24


class PlainAlerts:
    """The same in plain Python, an event at a time, with all of the day's scores at hand."""

    def __init__(self, budget, first):
        self.budget, self.first = budget, first
        self.past, self.traffic, self.version = [], [], 0
        self.begin(0)

    def begin(self, day):
        self.day, self.at, self.ahead, self.raised = day, 0, [], 0
        self.cards, self.scores, self.counts = set(), [], [0] * BINS
        self.kept, self.floor = [], -math.inf
        self.reached = sorted((score for day in self.past for score in day), reverse=True)

    def best(self, scores):
        """The highest score of each card, highest first."""
        best = {}
        for score, card in scores:
            best[card] = max(score, best.get(card, -math.inf))
        return sorted(((score, card) for card, score in best.items()), key=lambda it: -it[0])

    def take_one(self, score, card, micros, given):
        if len(self.kept) == 16 * self.budget:
            self.kept = self.best(self.kept)[: 8 * self.budget]
            if len(self.kept) == 8 * self.budget:
                self.floor = self.kept[-1][0]
        day = micros // DAY
        self.ahead = [*self.ahead, day] if day > self.day else []
        if len(self.ahead) == 4:
            if sum(self.counts):
                highest = [score for score, _ in self.best(self.scores)[: 8 * self.budget]]
                self.past = [*self.past, highest][-7:]
                self.traffic = [*self.traffic, self.counts][-7:]
                self.version += 1
            self.begin(min(self.ahead))
            self.ahead = [day] if day > self.day else []
        if day == self.day:
            self.at = micros % DAY
            self.counts[self.at * BINS // DAY] += 1
        threshold = self.threshold()
        if given in (RAISED, QUIET):
            alert, why = given == RAISED, BY_SCORE
        elif math.isnan(score):
            alert, why = False, UNKNOWN
        else:
            one = (score, object() if card is None else card)
            self.scores.append(one)
            if score > self.floor:
                self.kept.append(one)
            alert = score >= threshold
            why = SPENT if self.raised >= self.budget else BY_SCORE
        if alert and card is not None and card in self.cards:
            alert, why = given == RAISED, EARLIER_ALERT
        elif alert and given == EXPLORED:
            alert, why = False, BY_EXPLORING
        elif alert and self.raised < self.budget:
            self.raised += 1
            self.cards.add(card)
        return alert, threshold, self.version, why

    def threshold(self):
        left = self.budget - self.raised
        if left == 0:
            return math.nan
        if not self.reached:
            return self.first
        traffic = [1 + sum(day[part] for day in self.traffic) for part in range(BINS)]
        place = self.at * BINS // DAY
        within = (self.at * BINS - place * DAY) / DAY
        here, after = (sum(traffic[at:]) / sum(traffic) for at in (place, place + 1))
        share = here + within * (after - here)
        wanted = left * len(self.past)
        if wanted < share * len(self.reached):
            return self.reached[max(int(wanted / share) - 1, 0)]
        return min(self.reached[-1], self.floor)


cards = st.sampled_from([None, "a", "a", "b", "c", "d", "größer"])
scores = st.one_of(
    st.sampled_from([math.nan, 0.1, 0.5, 0.5, 0.9]),
    st.integers(0, 100).map(lambda n: n / 100),
    st.floats(-5, 5),
)
whats = st.sampled_from([FREE, FREE, FREE, FREE, RAISED, QUIET, EXPLORED])


@st.composite
def streams(draw):
    """Events whose time goes on, some late, and some dated far ahead."""
    budget = draw(st.integers(1, 4))
    step = st.tuples(scores, cards, st.integers(0, 5), st.integers(0, 30), whats)
    now, events = draw(st.integers(-30, 30)) * DAY, []
    for score, card, hours, odd, what in draw(st.lists(step, min_size=1, max_size=120)):
        now += hours * HOUR
        at = now + (400 * DAY if odd == 30 else -20 * HOUR if odd > 27 else 0)
        events.append((score, card, at, what))
    return budget, events


def decide(alerts, events):
    score, card, micros, given = zip(*events, strict=True)
    out = alerts.decide(
        np.array(score, float), list(card), np.array(micros), np.array(given, np.int8)
    )
    return [
        (alert, None if math.isnan(threshold) else threshold, version, why)
        for alert, threshold, version, why in zip(*(c.tolist() for c in out), strict=True)
    ]


@law
@given(streams())
def test_alerts_are_those_of_plain_python(stream):
    budget, events = stream
    plain = PlainAlerts(budget, 0.5)
    expected = [plain.take_one(*event) for event in events]
    assert decide(Alerts(budget, 0.5), events) == [
        (alert, None if math.isnan(threshold) else threshold, version, why)
        for alert, threshold, version, why in expected
    ]


@law
@given(streams(), st.data())
def test_neither_a_cut_nor_an_image_makes_a_difference(stream, data):
    budget, events = stream
    at = data.draw(st.integers(0, len(events)))
    through, first, second = (Alerts(budget, 0.5) for _ in range(3))
    whole = decide(through, events)
    before = decide(first, events[:at]) if at else []
    second.restore(first.state())
    after = decide(second, events[at:]) if at < len(events) else []
    assert before + after == whole
    np.testing.assert_equal(second.state(), through.state())


@law
@given(streams())
def test_a_day_has_no_more_alerts_than_its_budget_and_a_card_no_more_than_one(stream):
    budget, events = stream
    alerts, raised = Alerts(budget, 0.5), {}
    for event in events:
        [(alert, *_)] = decide(alerts, [event])
        if alert and event[3] == FREE:
            raised.setdefault(alerts.state()["day"], []).append(event[1])
    for day in raised.values():
        named = [card for card in day if card is not None]
        assert len(day) <= budget
        assert len(set(named)) == len(named)


def days(count, per_day=5_000, seed=1, level=0.0):
    """Scores of 800 cards on so many days, more of them at noon, and more on some days."""
    random = np.random.default_rng(seed)
    for day in range(count):
        n = int(per_day * (1 + 0.2 * np.sin(day)))
        of_day = np.sort(np.clip(random.normal(0.5, 0.2, n), 0, 0.999_999))
        micros = ((day + of_day) * DAY).astype(np.int64)
        score = 1 / (1 + np.exp(-random.normal(-4 + level * day, 1.5, n)))
        yield score, [f"c{card}" for card in random.integers(0, 800, n)], micros


@pytest.mark.parametrize("level", [0.0, 0.05, -0.05], ids=["steady", "rising", "falling"])
@pytest.mark.parametrize("budget", [20, 100])
def test_after_a_week_each_day_has_the_alerts_of_its_budget(budget, level):
    alerts, counts = Alerts(budget, 0.5), []
    for score, card, micros in days(21, level=level):
        counts.append(np.count_nonzero(alerts.decide(score, card, micros).alert))
    assert min(counts[7:]) >= 0.95 * budget
    assert max(counts[7:]) <= budget + 3  # the first events of a day still belong to the one before


def test_alerts_are_nearly_those_one_would_have_chosen_after_the_day():
    alerts, found, best = Alerts(50, 0.5), [], []
    for score, card, micros in days(21):
        raised = alerts.decide(score, card, micros).alert
        highest = {}
        for one, value in zip(card, score.tolist(), strict=True):
            highest[one] = max(value, highest.get(one, 0.0))
        found.append(score[raised].sum())
        best.append(sum(sorted(highest.values())[-50:]))
    assert sum(found[7:]) > 0.9 * sum(best[7:])


def test_a_wrong_date_ends_no_day():
    alerts = Alerts(2, 0.5)
    decide(alerts, [(0.9, "a", HOUR, FREE), (0.9, "b", 400 * DAY, FREE), (0.1, "c", HOUR, FREE)])
    assert alerts.state()["day"] == 0
    assert alerts.summary() == pytest.approx(
        {"today": 2, "budget": 2, "threshold": math.nan, "version": 0}, nan_ok=True
    )


@pytest.mark.parametrize("budget", [1, 3, 30])
def test_what_was_learned_outlives_another_budget(budget):
    old, new = Alerts(10, 0.5), Alerts(budget, 0.5)
    for day in days(3):
        old.decide(*day)
    new.restore(old.state())
    raised = old.summary()["today"]
    assert new.summary()["today"] == min(raised, budget)
    assert new.summary()["version"] == 2
    counts = [np.count_nonzero(new.decide(*day).alert) for day in list(days(6))[3:]]
    assert max(counts[1:]) <= budget + 3


def test_memory_is_bounded_by_the_budget():
    alerts = Alerts(5, 0.5)
    sizes = []
    for day in days(12):
        alerts.decide(*day)
        sizes.append(sum(a.nbytes for a in alerts.state().values() if isinstance(a, np.ndarray)))
    assert max(sizes) < 20 * 8 * 2 * 5 + 8 * BINS + 16 * 5
