from __future__ import annotations

import logging

from aiokafka.errors import GroupCoordinatorNotAvailableError, NotCoordinatorForGroupError

from streams.membership import coordinator_awaited
from streams.repetition import Lasting, Unrepeated


def said(filtered: logging.Filter, name: str, template: str, *args: object) -> str | None:
    record = logging.LogRecord(name, logging.ERROR, __file__, 1, template, args, None)
    return record.getMessage() if filtered.filter(record) else None


def test_a_sentence_is_said_once_in_a_while_with_how_often_it_was_repeated():
    now = 0.0
    filtered = Unrepeated(5.0, lambda: now)
    assert said(filtered, "aiokafka", "no node %s at 100%%", 1) == "no node 1 at 100%"
    assert [said(filtered, "aiokafka", "no node %s at 100%%", n) for n in (1, 2, 3)] == [None] * 3
    now = 5.0
    again = said(filtered, "aiokafka", "no node %s at 100%%", 4)
    assert again == "no node 4 at 100% (and 3 times more)"
    assert said(filtered, "aiokafka", "no node %s at 100%%", 4) is None


def test_other_sentences_and_other_loggers_are_not_kept_quiet():
    filtered = Unrepeated(5.0, lambda: 0.0)
    assert said(filtered, "a", "x") == said(filtered, "b", "x") == "x"
    assert said(filtered, "a", "y") == "y"


FAILED = ("aiokafka.consumer.group_coordinator", "Group Coordinator Request failed: %s")
AWAITED = GroupCoordinatorNotAvailableError()


def patient(*seconds: float) -> Lasting:
    """One to which these are the times of what it is asked about."""
    return Lasting(coordinator_awaited, 10.0, iter(seconds).__next__)


def test_a_coordinator_that_is_only_being_made_is_no_error_until_it_lasts():
    filtered = patient(0.0, 0.1, 9.9, 10.0, 10.1)
    assert [said(filtered, *FAILED, AWAITED) for _ in range(3)] == [None] * 3
    assert said(filtered, *FAILED, AWAITED) == f"{FAILED[1] % AWAITED}"
    assert said(filtered, *FAILED, AWAITED)


def test_patience_begins_anew_once_the_coordinator_has_been_there():
    filtered = patient(0.0, 20.0, 29.9)
    assert [said(filtered, *FAILED, AWAITED) for _ in range(3)] == [None] * 3


def test_what_is_wrong_otherwise_is_said_at_once():
    filtered = patient()
    assert said(filtered, *FAILED, NotCoordinatorForGroupError())
    assert said(filtered, "thalweg", "a sentence of %s", "our own")
    assert said(filtered, "thalweg", "a sentence without anything")
