"""Whatever stands in a record: it is scored or turned away, and what comes next is not harmed."""

from __future__ import annotations

from datetime import datetime

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from river import tree
from slicing import begun, rows, slice_of

from models import Clock, Counts, Cross, Hashed, Linear, Number, Text, Tokens
from streams import Event, Pipeline, Topic
from streams.image import pack, unpack
from streams.predictions import Prediction
from streams.task import PartitionTask


class Anything(Event, frozen=True):
    id: int
    text: str | None = None
    count: int | None = None
    share: float | None = None
    when: datetime | None = None
    words: list[str] | None = None
    bag: dict[str, float] | None = None
    second: float | int | None = None
    target: int | None = None


ANYTHING = {
    "hashed": Pipeline(
        name="anything",
        events=Topic("visits", schema=Anything, time="second"),
        labels="target",
        features=[
            Hashed("text"),
            Hashed("count"),
            Number("count", name="n"),
            Number("share", scale="standard"),
            Number("second", scale="log"),
            Clock("when", ["hour", "weekday", "month", "weekend", "night"]),
            Text("text", ngrams=(2, 3), name="grams"),
            Tokens("words"),
            Counts("bag"),
            Cross("text", "count"),
        ],
        model=Linear(bits=8),
        max_event_bytes=20_000,
    ),
    "named": Pipeline(
        name="anything",
        events=Topic("visits", schema=Anything, time="when"),
        labels="target",
        features=[Number("share"), Number("count"), Tokens("words"), Counts("bag")],
        model=tree.HoeffdingTreeRegressor(grace_period=2),
        max_event_bytes=20_000,
    ),
}

extremes = st.sampled_from(
    [
        "1e999", "-1e308", "1e308", "1e100", "-1.1e100", "5e-324", "-0.0", "0", "NaN", "Infinity",
        "9" * 399, "-" + "9" * 4299, "9" * 5000, str(2**63), str(-(2**63) - 1), "null", "true",
        '"0001-01-01T00:00:00+23:59"', '"9999-12-31T23:59:59.9-23:59"', '"1969-12-31T23:59:60"',
        '"2026-01-01T00:00:00"', '"2026-02-30T00:00:00Z"', '""', '"\\u0000"', '"\\ud800"', '"a b"',
        '"\\ud83d\\ude00"', "[]", '["", "x", "x"]', '["\\n"]', "[1]", "{}", '{"": 1e308, "a": 1}',
        '{"a": 1e999}', "[" * 5_000, '"' + "x" * 30_000 + '"',
    ]
)  # fmt: skip
fields = st.dictionaries(
    st.sampled_from(["id", *Anything.__struct_fields__, "unknown"]), extremes, max_size=5
)
raw = fields.map(
    lambda given: (
        "{" + ",".join(f'"{name}":{text}' for name, text in {"id": "1", **given}.items()) + "}"
    ).encode()
)
stamps = st.sampled_from([0, -1, -(2**62), 2**62, 1_700_000_000_000, 1_700_000_000_000_000])


@pytest.mark.parametrize("name", ANYTHING)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_whatever_arrives_is_scored_or_turned_away_and_the_task_goes_on(name, data):
    pipeline = ANYTHING[name]
    values = data.draw(st.lists(raw | st.binary(max_size=20) | st.none(), max_size=6))
    keys = data.draw(st.lists(st.none() | st.binary(max_size=9), min_size=6, max_size=6))
    when = data.draw(st.lists(stamps, min_size=6, max_size=6))
    task, n = begun(pipeline), len(values)
    output = task.take(slice_of(values, "visits", 0, keys[:n], when[:n]))
    assert len(output.predictions) + len(output.dead_letters) == n
    for row in rows(output.predictions):
        msgspec.json.decode(row.value, type=Prediction)
    copy = PartitionTask(pipeline, 0)
    copy.restore(unpack(pack(task.image())))
    good = b'{"id":1,"text":"a","share":1,"count":1,"words":["w"],"bag":{"b":1},"target":1}'
    for survivor in (task, copy):
        output = survivor.take(slice_of([good], "visits", n, [None], [0]))
        [row] = rows(output.predictions)
        assert msgspec.json.decode(row.value)["score"] is not None or name == "named"
