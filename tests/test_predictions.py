"""Predictions written in one compiled pass are those that msgspec would write, byte for byte."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.bytecolumn import ByteColumn
from models.textcolumn import TextColumn
from streams.eventtimes import event_times
from streams.jsontext import booleans, instants, quoted, spelled, woven
from streams.predictions import Coded, Prediction, lines

anyhow = settings(deadline=None)  # the first example compiles
encode = msgspec.json.encode
longs = st.integers(0, 2**63 - 1)
moments = st.datetimes(timezones=st.just(UTC))


@anyhow
@given(st.lists(st.none() | st.text(max_size=9)))
def test_texts_are_quoted_as_by_msgspec(texts: list[str | None]) -> None:
    assert list(quoted(TextColumn.of(texts).utf8)) == list(map(encode, texts))


@anyhow
@given(st.lists(moments))
def test_times_are_spelled_as_by_msgspec(times: list[datetime]) -> None:
    micros = [
        (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) for time in times
    ]
    assert list(instants(np.array(micros, np.int64))) == list(map(encode, times))


@anyhow
@given(st.lists(st.booleans()))
def test_booleans_are_spelled_as_by_msgspec(values: list[bool]) -> None:
    assert list(booleans(np.array(values, np.bool_))) == list(map(encode, values))


@anyhow
@given(st.lists(st.none() | st.floats() | st.text(max_size=5) | st.integers(-9, 9)))
def test_anything_else_is_spelled_by_msgspec(values: list[Any]) -> None:
    assert list(spelled(values)) == list(map(encode, values))


@anyhow
@given(st.lists(st.tuples(st.binary(max_size=5), st.binary(max_size=5))))
def test_lines_are_woven_of_pieces_and_columns(rows: list[tuple[bytes, bytes]]) -> None:
    columns = [ByteColumn.of([row[place] for row in rows]) for place in range(2)]
    whole = [b"<%b|%b>" % row for row in rows]
    assert list(woven([b"<", b"|", b">"], columns)) == whole


rows = st.tuples(
    st.text(max_size=5),
    st.none() | st.binary(max_size=5),
    st.floats(0, 1) | st.just(float("nan")),
    st.none() | st.booleans() | st.text(max_size=3),
    longs,
    st.datetimes(timezones=st.just(UTC) | st.just(timezone(timedelta(hours=2)))),
    longs,
)


@anyhow
@given(st.lists(rows, min_size=1), st.booleans(), st.sampled_from([1, 20]))
def test_a_line_is_the_struct_that_msgspec_encodes(
    made: list[tuple[Any, ...]], with_ids: bool, times_over: int
) -> None:
    made = made * times_over  # a few are encoded by msgspec itself
    ids, keys, scores, decisions, learned, at, offsets = map(list, zip(*made, strict=True))
    times, bad = event_times(at, [0] * len(at))
    assert not bad
    written = lines(
        TextColumn.of(ids) if with_ids else None,
        ByteColumn.of(keys),
        np.array(scores),
        np.array(decisions) if set(map(type, decisions)) == {bool} else decisions,
        "fraud-00aa",
        np.array(learned, np.int64),
        times,
        3,
        np.array(offsets, np.int64),
    )
    assert list(written) == [
        encode(
            Prediction(
                row[0] if with_ids else None,
                None if row[1] is None else row[1].decode(errors="replace"),
                row[2],
                row[3],
                "fraud-00aa",
                row[4],
                row[5],
                3,
                row[6],
            )
        )
        for row in made
    ]


NOTED = {
    "decided_by": st.sampled_from([None, "score", "größer"]),
    "threshold": st.floats(),
    "threshold_version": longs,
    "rules": st.lists(st.sampled_from(["huge", "odd"]), max_size=2),
    "propensity": st.sampled_from([1.0, 0.01]),
}


@anyhow
@given(st.data(), st.sampled_from([2, 50]))
def test_a_line_says_besides_what_the_pipeline_declares(data: st.DataObject, n: int) -> None:
    names = [name for name in NOTED if data.draw(st.booleans())]
    texts = st.sampled_from(["approve", "step up", None])
    made = [{name: data.draw(NOTED[name]) for name in names} for _ in range(2)]
    rows = [made[place % 2] for place in range(n)]
    decisions = data.draw(st.lists(texts, min_size=n, max_size=n))
    notes: dict[str, Any] = {}
    for name in names:
        column = [row[name] for row in rows]
        if name == "threshold":
            notes[name] = np.array(column, np.float64)
        elif name == "threshold_version":
            notes[name] = np.array(column, np.int64)
        else:
            notes[name] = Coded(column[:2], np.arange(n) % 2)
    at, _ = event_times([datetime(2026, 1, 1, tzinfo=UTC)] * n, [0] * n)
    written = lines(
        TextColumn.of(["p"] * n),
        ByteColumn.of([b"k"] * n),
        np.full(n, 0.5),
        TextColumn.of(decisions),
        "fraud-00aa",
        np.zeros(n, np.int64),
        at,
        0,
        np.arange(n),
        notes,
    )
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    assert list(written) == [
        encode(Prediction("p", "k", 0.5, decision, "fraud-00aa", 0, moment, 0, place, **row))
        for place, (decision, row) in enumerate(zip(decisions, rows, strict=True))
    ]
