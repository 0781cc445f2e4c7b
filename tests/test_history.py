"""What is counted apart by time adds up to the whole, is bounded, and does not depend on cuts."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.curves import precision_recall, reliability
from models.history import History
from models.quality import Quality
from models.ranking import Ranking
from models.stability import shift
from models.textcolumn import TextColumn

DAY = 86_400
WATCHED = {"amount": True, "country": False}


def draw(n=4_000, days=40, seed=1, rate=0.1):
    rng = np.random.default_rng(seed)
    at = np.sort(rng.uniform(0, days * DAY, n))
    outcome = (rng.random(n) < rate).astype(np.int64)
    score = 1 / (1 + np.exp(-(rng.normal(size=n) + 2 * outcome - 2)))
    columns = {
        "amount": rng.lognormal(3, 1, n),
        "country": TextColumn.of(rng.choice(["NL", "FR", "DE"], n).tolist()),
    }
    return at, score, outcome, columns


def lived(at, score, outcome, columns, *, labels=None, places=(), kind="binary") -> Quality:
    """Events scored and labelled in slices; `labels` are those that get one."""
    quality = Quality(kind, measurement=History(kind, WATCHED))
    edges = [0, *places, len(at)]
    for begin, end in pairwise(edges):
        if begin == end:
            continue
        part = slice(begin, end)
        taken = {name: column[part] for name, column in columns.items()}
        decision = score[part] > 0.5
        quality.scored(begin, at[part], score[part], decision, taken)
        rows = np.arange(begin, end)
        rows = rows if labels is None else rows[labels[part]]
        quality.update(
            score[rows], score[rows] > 0.5, outcome[rows], np.full(len(rows), 60.0), rows
        )
        quality.settled(end)
    return quality


def points(quality):
    return quality.measurement.points()


def test_points_hold_all_events_and_labels_once_in_order():
    quality = lived(*draw())
    found = points(quality)
    assert sum(point.events for point in found) == 4_000
    assert sum(point.labels for point in found) == 4_000
    assert all(one.end <= two.begin for one, two in pairwise(found))
    assert all(point.complete for point in found)
    positives = sum(point.figures["positives"] for point in found)
    assert positives == quality.summary()["positives"]


def test_a_point_has_the_figures_of_its_own_events():
    at, score, outcome, columns = draw()
    quality = lived(at, score, outcome, columns)
    for point in points(quality):
        own = (at >= point.begin) & (at < point.end)
        ranking = Ranking()
        ranking.add(score[own], outcome[own].astype(np.int8))
        assert point.figures["average_precision"] == ranking.average_precision()
        assert point.figures["positives"] == outcome[own].sum() >= 10


@given(st.lists(st.integers(0, 800), max_size=6).map(sorted))
def test_cuts_make_no_difference(places):
    drawn = draw(800, seed=3)
    assert points(lived(*drawn, places=places)) == points(lived(*drawn))


@given(st.integers(0, 2**32 - 1))
def test_partitions_that_are_merged_are_as_one(seed):
    drawn = draw(800, seed=4)
    to = np.random.default_rng(seed).integers(0, 2, 800)
    parts = []
    for number in range(2):
        own = np.flatnonzero(to == number)
        at, score, outcome, columns = drawn
        columns = {name: column[own] if name == "amount" else column.take(own)
                   for name, column in columns.items()}  # fmt: skip
        parts.append(lived(at[own], score[own], outcome[own], columns))
    merged = Quality("binary", measurement=History("binary", WATCHED))
    for part in parts:
        merged.merge(part)
    one = {point.begin: point for point in points(lived(*drawn))}
    both = {point.begin: point for point in points(merged)}
    assert both.keys() == one.keys()
    for begin, point in one.items():
        figures, other = point.figures, both[begin].figures
        # What the label before would have said is known within a partition.
        same = [key for key in figures if not key.startswith("no_change")]
        assert {key: other[key] for key in same} == {key: figures[key] for key in same}
        assert both[begin].shifts == point.shifts


def test_time_whose_labels_are_still_to_come_is_marked():
    at, score, outcome, columns = draw(days=30)
    known = (at < 20 * DAY) | (outcome == 1)
    found = points(lived(at, score, outcome, columns, labels=known))
    assert {point.complete for point in found if point.end <= 20 * DAY} == {True}
    assert {point.complete for point in found if point.begin >= 20 * DAY} == {False}


@pytest.mark.parametrize("kind", ["binary", "anomaly", "regression"])
def test_dates_from_all_of_history_take_bounded_memory(kind):
    at, score, outcome, columns = draw(3_000)
    at = np.random.default_rng(5).uniform(-62_135_596_800, 253_402_300_799, 3_000)
    quality = lived(at, score, outcome, columns, places=(700, 1_500, 2_900), kind=kind)
    assert len(quality.measurement._stretches) <= 200
    assert sum(point.events for point in points(quality)) == 3_000


def test_an_input_that_moves_is_seen_and_one_that_does_not_is_not():
    at, score, outcome, columns = draw(20_000)
    late = at > 30 * DAY
    columns["amount"] = np.where(late, columns["amount"] * 8, columns["amount"])
    last = points(lived(at, score, outcome, columns))[-1]
    assert last.shifts["amount"] > 0.25
    assert last.shifts["country"] < 0.05


def test_a_value_that_goes_missing_is_seen():
    at, score, outcome, columns = draw()
    columns["amount"] = np.where(at > 30 * DAY, math.nan, columns["amount"])
    found = points(lived(at, score, outcome, columns))
    assert found[0].missing["amount"] == 0.0
    assert found[-1].missing["amount"] == 1.0


def test_now_is_the_newest_third_and_then_the_one_before():
    at, score, outcome, columns = draw(9_000, rate=0.3)
    worse = np.where(at > 80 / 3 * DAY, 1 - score, score)
    then, now = lived(at, worse, outcome, columns).measurement.then_and_now()
    assert then.measures(0.005)["auc"] > 0.8
    assert now.measures(0.005)["auc"] < 0.2


def test_numbers_too_large_for_a_float_and_missing_ones_have_a_bin():
    at, score, outcome, columns = draw(4)
    columns["amount"] = [10**400, -(10**400), None, 3]
    assert sum(point.events for point in points(lived(at, score, outcome, columns))) == 4


def test_chance_is_no_shift():
    rng = np.random.default_rng(7)
    found = [shift(*(rng.multinomial(500, np.full(30, 1 / 30)) for _ in "no")) for _ in range(50)]
    assert np.mean(found) < 0.03
    assert math.isnan(shift(np.zeros(3, np.int64), np.ones(3, np.int64)))


def test_reliability_counts_each_label_once_and_finds_honest_claims_honest():
    rng = np.random.default_rng(2)
    claimed = rng.beta(0.4, 6, 50_000)
    ranking = Ranking()
    ranking.add(claimed, (rng.random(50_000) < claimed).astype(np.int8))
    claims = reliability(ranking)
    assert sum(claim.labels for claim in claims) == 50_000
    assert 8 <= len(claims) <= 13
    # Of a dozen intervals of 95 % one may miss.
    assert sum(not claim.low <= claim.predicted <= claim.high for claim in claims) <= 2


@pytest.mark.parametrize("positives", [0, 1, 4, 6])
def test_curves_of_few_positives_are_there_or_empty(positives):
    ranking = Ranking()
    outcome = np.zeros(50, np.int8)
    outcome[:positives] = 1
    ranking.add(np.linspace(0.01, 0.9, 50), outcome)
    assert sum(claim.labels for claim in reliability(ranking)) == 50
    recall, precision = precision_recall(ranking)
    assert bool(len(recall)) == bool(positives)
    assert np.all((precision > 0) & (precision <= 1))
    assert not len(recall) or recall[-1] == 1.0
