"""Records as a person or a program reads them."""

from __future__ import annotations

import io
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from streams.slices import Slice
from streams.views import JsonLinesView, LiveView, Row, TextView, bar, rows_of


def record(value: bytes | None, key: bytes | None = None, headers=(), offset: int = 7) -> Slice:
    at = [1_522_584_000_000]
    return Slice("t", 2, offset, offset + 1, [offset], [key], [value], at, [headers])


def row_of(some: Slice) -> Row:
    (row,) = rows_of(some)
    return row


def prediction(**fields) -> bytes:
    whole = {"id": "tx-1", "score": 0.5, "decision": True, "at": "2018-04-01T12:00:01Z", "more": 1}
    return msgspec.json.encode({**whole, **fields})


def test_a_prediction_is_its_id_its_score_its_decision_and_its_time():
    row = row_of(record(prediction()))
    assert row[:4] == ("2:7", "2018-04-01 12:00:01.000", "tx-1", "█████      0.5000  True")
    assert row.alert
    assert not row_of(record(prediction(decision="fraud"))).alert
    assert row_of(record(prediction(id=None), key=b"C596")).name == "C596"
    assert row_of(record(prediction(score=None, decision=None))).text.split() == ["–"]


@pytest.mark.parametrize("value", [b'{"id":"a","amount":1}', b"[1]", b"7", b"\xff\xfe{", b""])
def test_any_other_record_is_its_key_its_value_and_its_timestamp(value):
    row = row_of(record(value, key=b"k"))
    assert (row.place, row.at, row.name) == ("2:7", "2018-04-01 12:00:00.000", "k")
    assert row.text == value.decode(errors="replace")


def test_a_dead_letter_says_why_it_is_one_and_a_tombstone_that_it_is():
    assert row_of(record(b"{", headers=(("thalweg.reason", b"malformed"),))).text == "malformed: {"
    assert row_of(record(None)).text == "(no value)"


@given(st.binary(), st.binary(), st.text(), st.text())
def test_nothing_in_a_record_commands_the_terminal(value, key, name, decision):
    rows = [
        row_of(record(value, key)),
        row_of(record(prediction(id=name, decision=decision))),
    ]
    assert all(cell.isprintable() for row in rows for cell in row[:4])


@given(st.floats(0, 1))
def test_a_bar_is_as_long_as_its_score(score):
    drawn = bar(score)
    assert len(drawn) == 17
    assert abs(len(drawn[:10].rstrip()) - score * 10) <= 1
    assert drawn.endswith(f"{score:.4f}")


@pytest.mark.parametrize("score", [-3.5, 17.25, 1.5, None])
def test_a_score_that_is_no_share_has_no_bar(score):
    assert "█" not in bar(score)
    assert bar(score).strip() == ("–" if score is None else f"{score:g}")


@given(st.lists(st.dictionaries(st.text(), st.text()), max_size=5), st.booleans())
def test_json_lines_are_one_line_a_record_whatever_the_value_looked_like(objects, pretty):
    out = io.BytesIO()
    view = JsonLinesView(out)
    values = [json.dumps(value, indent=2 if pretty else None).encode() for value in objects]
    view.show([record(value) for value in values])
    view.show([record(None)])
    *lines, tombstone = out.getvalue().splitlines()
    assert [json.loads(line) for line in lines] == objects
    assert tombstone == b"null"
    assert view.shown == len(objects) + 1


def test_text_has_one_heading_and_no_colours():
    out = io.BytesIO()
    view = TextView(out)
    view.show([])
    view.show([record(prediction())])
    view.show([record(prediction(score=1))])
    heading, first, second = out.getvalue().decode().splitlines()
    assert heading.split() == ["place", "at", "id", "score", "decision"]
    assert [line.index("tx-1") for line in (first, second)] == [heading.index("id")] * 2
    assert first.index("True") == heading.index("decision")


def test_the_live_table_holds_the_newest_records_that_fit():
    terminal = io.StringIO()
    console = Console(file=terminal, force_terminal=True, width=100, height=12)
    view = LiveView(console)
    view.show([record(prediction(id=f"tx-{i}"), offset=i) for i in range(1000)])
    view.close()
    last = terminal.getvalue().rsplit("place", 1)[1]
    assert "tx-999" in last
    assert "tx-994" in last
    assert "tx-993" not in last
    assert "1,000 records" in last
