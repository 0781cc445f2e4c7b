"""The rules of the joiner, one by one."""

from __future__ import annotations

import pytest
from walks import outcomes, walk


def test_a_label_is_learned_once_events_have_reached_its_date():
    walked = walk().labels(("a", 1, 5.0)).events(("a", 0.0), ("b", 4.0))
    assert walked.learned == []
    walked.events(("c", 5.0))
    assert walked.steps == [
        ("score", 0),
        ("score", 1),
        ("learn", 0, 1, 5.0),
        ("score", 2),
    ]
    assert outcomes(walked) == {"joined": 1}


def test_a_late_label_is_learned_as_it_comes():
    walked = walk().events(("a", 0.0), ("b", 9.0)).labels(("a", 1, 5.0))
    assert walked.steps[-1] == ("learn", 0, 1, 9.0)


def test_a_label_dated_before_its_event_waits_for_it_and_is_learned_after_it_is_scored():
    walked = walk().events(("a", 10.0)).labels(("b", 1, 3.0))
    assert outcomes(walked) == {"early": 1}
    walked.events(("b", 12.0))
    assert walked.steps[-2:] == [("score", 1), ("learn", 1, 1, 12.0)]
    assert outcomes(walked) == {"early": 1, "joined": 1}


@pytest.mark.parametrize(("second", "outcome"), [(1, "duplicate"), (0, "revised")])
def test_a_second_label_of_what_is_learned_changes_nothing(second, outcome):
    walked = walk().events(("a", 0.0), ("b", 9.0)).labels(("a", 1, 1.0), ("a", second, 2.0))
    assert walked.learned == [(0, 1)]
    assert outcomes(walked) == {"joined": 1, outcome: 1}


def test_of_two_labels_that_come_before_their_event_the_later_one_counts():
    walked = walk().events(("z", 9.0)).labels(("a", 1, 1.0), ("a", 0, 2.0)).events(("a", 9.0))
    assert walked.learned == [(1, 0)]
    assert outcomes(walked) == {"early": 1, "revised": 1, "joined": 1}


def test_an_id_that_comes_again_is_scored_again_and_learned_once():
    walked = walk().events(("a", 0.0), ("a", 1.0), ("b", 9.0)).labels(("a", 1, 2.0))
    walked.events(("a", 10.0))
    assert walked.steps == [
        ("score", 0),
        ("score", 1),
        ("score", 2),
        ("learn", 0, 1, 9.0),
        ("score", 3),
    ]
    assert outcomes(walked) == {"repeated-event": 2, "joined": 1}


def test_silence_is_learned_when_it_has_lasted():
    walked = walk(10.0).events(("a", 0.0), ("b", 2.0), ("c", 10.0), ("d", 11.0), ("e", 12.5))
    assert walked.steps == [
        ("score", 0),
        ("score", 1),
        ("learn", 0, 0, 10.0),
        ("score", 2),
        ("score", 3),
        ("learn", 1, 0, 12.5),
        ("score", 4),
    ]
    assert outcomes(walked) == {"matured": 2}


def test_without_maturity_silence_is_never_learned():
    walked = walk().events(*((str(day), day * 1e6) for day in range(50)))
    assert walked.learned == []
    assert len(walked.joiner) == 50


def test_a_label_that_comes_after_silence_was_learned_is_a_revision():
    walked = walk(10.0).events(("a", 0.0), ("b", 20.0)).labels(("a", 1, 15.0), ("a", 0, 16.0))
    assert walked.learned == [(0, 0)]
    assert outcomes(walked) == {"matured": 1, "revised": 1, "duplicate": 1}


def test_before_the_first_event_matures_complaints_wait_for_silence_to_be_learned_with_them():
    walked = walk(10.0).events(("a", 0.0), ("b", 1.0), ("c", 5.0)).labels(("b", 1, 4.0))
    assert walked.learned == []
    walked.events(("d", 10.5))
    assert walked.learned == [(0, 0)]
    walked.events(("e", 12.0)).labels(("d", 1, 11.0))
    assert walked.learned == [(0, 0), (1, 1), (3, 1)]
    assert outcomes(walked) == {"matured": 1, "joined": 2}


def test_a_complaint_that_waits_can_be_revised():
    walked = walk(10.0).events(("a", 0.0), ("b", 3.0)).labels(("a", 1, 1.0), ("a", 0, 2.0))
    walked.events(("c", 10.0))
    assert walked.learned == [(0, 0)]
    assert outcomes(walked) == {"revised": 1, "joined": 1}


def test_a_label_that_is_retracted_before_it_is_learned_is_as_if_it_had_not_come():
    walked = walk(10.0).events(("a", 0.0)).labels(("a", 1, 0.0), ("a", None, 0.0))
    walked.events(("b", 11.0))
    assert walked.learned == [(0, 0)]
    assert outcomes(walked) == {"revised": 1, "matured": 1}


def test_a_label_that_is_retracted_and_given_again_is_learned_at_once():
    walked = walk().labels(("a", 1, -1.0), ("a", None, -1.0)).events(("a", 0.0))
    walked.labels(("a", None, 0.0), ("a", 1, 0.0))
    assert walked.learned == [(0, 1)]


def test_a_retraction_of_what_is_learned_changes_nothing():
    walked = walk().events(("a", 0.0)).labels(("a", 1, 0.0), ("a", None, 0.0))
    assert walked.learned == [(0, 1)]
    assert outcomes(walked) == {"joined": 1, "revised": 1}


def test_a_held_label_is_learned_when_its_event_matures():
    walked = walk(10.0, holds=True).events(("z", 0.0), ("a", 20.0)).labels(("a", 1, 20.0, True))
    assert ("learn", 1, 1, 20.0) not in walked.steps
    walked.events(("b", 30.0))
    assert walked.learned == [(0, 0), (1, 1)]


def test_a_label_that_is_not_held_comes_before_one_that_is():
    walked = walk(10.0, holds=True).events(("z", 0.0), ("a", 20.0)).labels(("a", 1, 20.0, True))
    walked.labels(("a", 0, 20.0, False))
    assert walked.steps[-1] == ("learn", 1, 0, 20.0)


def test_where_silence_means_nothing_an_event_that_matures_is_forgotten():
    walked = walk(10.0, otherwise=None).events(("a", 0.0), ("b", 11.0), ("a", 12.0))
    walked.labels(("a", 1, 12.0), ("b", 1, 12.0))
    assert walked.learned == [(1, 1)]
    assert outcomes(walked) == {"repeated-event": 1, "joined": 1}


def test_a_label_that_is_corrected_after_it_was_learned_is_learned_again():
    walked = walk(10.0, correctable=5.0).events(("a", 0.0), ("b", 11.0))
    walked.labels(("a", 1, 11.0), ("a", 1, 11.0), ("a", None, 11.0), ("a", 0, 11.0))
    assert walked.learned == [(0, 0), (0, 1), (0, 0)]
    assert [step[3] for step in walked.steps if step[0] == "learn"] == [11.0, None, None]
    assert outcomes(walked) == {"matured": 1, "revised": 3, "duplicate": 1}


def test_an_event_is_kept_for_corrections_only_so_long():
    walked = walk(10.0, correctable=5.0).events(("a", 0.0), ("b", 11.0))
    assert (walked.joiner.oldest(-1), len(walked.joiner)) == (0, 1)
    walked.events(("c", 15.0)).labels(("a", 1, 15.0))
    assert walked.learned == [(0, 0)]
    assert walked.joiner.oldest(-1) == 1


def test_an_event_that_is_kept_for_corrections_makes_room_for_one_that_waits():
    walked = walk(10.0, remember=2, correctable=99.0).events(("a", 0.0), ("b", 1.0), ("c", 11.0))
    assert outcomes(walked) == {"matured": 2}
    assert walked.joiner.oldest(-1) == 1
    walked.labels(("a", 1, 11.0), ("b", 1, 11.0))
    assert walked.learned == [(0, 0), (1, 0), (1, 1)]
