"""What a model has to say that an operator wants to read as it happens."""

from __future__ import annotations

from streams.news import news

CALM = {"learned": 10.0, "drift_alarms": 1.0, "drift_swaps": 0.0, "promotions": 0.0}


def test_what_has_happened_since_is_told_once():
    later = {**CALM, "learned": 20.0, "drift_alarms": 2.0, "drift_swaps": 1.0}
    assert [line.split(":")[0] for line in news(CALM, later)] == [
        "the losses on late labels have risen",
        "the background model is better and has taken over",
    ]
    assert news(later, later) == []


def test_a_promotion_names_the_champion():
    later = {**CALM, "promotions": 1.0, "champion_incumbent": 0.0, "champion_faster": 1.0}
    assert news(CALM, later) == ["a challenger is better and was promoted: faster is champion"]


def test_what_happened_before_a_partition_was_taken_over_is_no_news():
    assert news(None, CALM) == []
    assert news({"learned": 1.0}, {"learned": 2.0}) == []
