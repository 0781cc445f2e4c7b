"""The campaign in its short form: a few faults at the places that matter most, on a real broker."""

from __future__ import annotations

import json

import pytest

from tests.chaos.campaign import Campaign
from tests.chaos.faults import FAULTS
from tests.chaos.results import Results
from tests.chaos.verifier import Verdict

_SHORT = ("kill at sent", "kill at imaged", "kill at journalled", "kill at offsets", "mixed")


def campaign(seed: int = 7, faults: int = 200, kinds: tuple[str, ...] = tuple(FAULTS)) -> Campaign:
    return Campaign(seed, faults, kinds, minutes=float("inf"), rate=100, say=print)


@pytest.mark.kafka
@pytest.mark.chaos
def test_nothing_is_lost_doubled_or_different_whatever_happens(tmp_path):
    results = campaign(faults=12, kinds=_SHORT).run(tmp_path)
    print(results.table())
    found = json.loads(results.as_json())
    assert found["problems"] == []
    assert results.last_line() == (
        f"faults {results.faults} lost 0 duplicated 0 learned_twice 0 learned_never 0 "
        "state_equal yes"
    )
    assert results.hold
    assert set(found["kinds"]) == set(_SHORT)


@pytest.mark.parametrize("faults", [1, 200, 1_000])
def test_every_kind_has_its_turn_and_together_they_are_as_many_as_asked_for(faults):
    rounds = list(campaign(faults=faults).rounds())
    assert {kind for kind, _ in rounds} == set(FAULTS)
    assert sum(count for _, count in rounds) == max(faults, len(FAULTS))


def test_a_single_difference_is_told_by_the_last_line_and_the_verdict():
    results = Results(seed=1)
    results.injected("kill", 1.5)
    results.verified("kill", Verdict(events=10, predictions=10))
    assert results.hold
    results.injected("kill", 2.5)
    results.verified("kill", Verdict(events=10, predictions=9, lost=1))
    assert not results.hold
    assert results.last_line() == (
        "faults 2 lost 1 duplicated 0 learned_twice 0 learned_never 0 state_equal yes"
    )


def test_a_round_that_cannot_be_ended_proves_nothing():
    results = Results(seed=1)
    results.injected("kill", 1.5)
    results.failed("kill", "a worker has not ended")
    assert not results.hold
    assert results.last_line().endswith("state_equal no")


def test_a_campaign_without_faults_proves_nothing():
    assert not Results(seed=1).hold
