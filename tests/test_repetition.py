from __future__ import annotations

import logging

from streams.repetition import Unrepeated


def said(filtered: Unrepeated, name: str, template: str, *args: object) -> str | None:
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
