"""An explanation fits on 80 columns, says what it is, and commands no terminal."""

from __future__ import annotations

import io
import json
import math
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from rich.console import Console

from models.attribution import Attribution
from models.reasons import Reason
from streams.explaining import Explained, Why
from streams.explainview import as_json, described
from streams.predictions import Prediction

ATTACK = "\x1b]0;owned\x07"
REASONS = (
    Reason("AAAAA", "shop", ("shop",), f"x{ATTACK}", None, 1.5, f"shop is x{ATTACK}", ()),
    Reason(
        "BBBBB", "amount", ("amount",), 60.0, 15.0, -0.25,
        "amount is 60, usually 15, and some more words that do not fit in a line", ("at.hour = 3",),
    ),
)  # fmt: skip
PREDICTION = Prediction(
    "t1", "c1", 0.75, True, "fraud-1", 7, datetime(2026, 1, 1, tzinfo=UTC), 3, 41
)
OURS = Explained(
    event="payments/3/41",
    prediction=PREDICTION,
    why=Why(
        {"shop": f"x{ATTACK}", "amount": 60.0},
        reasons=REASONS,
        by_field={"shop": 1.5, "amount": -0.25},
        base=-0.125,
        crowded=0.0321,
    ),
    image="image 3 of 2026-01-01 00:00:00 UTC",
    records=1_234,
    same=True,
    binary=True,
)


def printed(explained: Explained) -> str:
    out = io.StringIO()
    for part in described(explained):
        Console(file=out, width=80).print(part)
    return out.getvalue()


def test_fields_and_reasons_stand_on_80_columns():
    text = printed(OURS)
    assert max(map(len, text.splitlines())) <= 80
    words = text.split()
    assert {"AAAAA", "BBBBB", "+1.5000", "-0.2500", "-0.1250", "+1.1250", "log-odds"} <= {*words}
    assert "its weight is also that of at.hour = 3" in " ".join(words)
    assert "3.21% of the buckets hold a weight" in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"same": False}, "not what was published"),
        ({"image": None}, "from the log's beginning"),
        ({"why": Why({})}, "no answer once a field is left out"),
        (
            {"why": Why({}, by_field={"a": 0.5}, attribution=Attribution({}, 0.1, 0.0, 8))},
            "exact: all ways",
        ),
        (
            {"why": Why({}, by_field={"a": 0.5}, attribution=Attribution({}, 0.1, 0.02, 9))},
            "standard error 0.02",
        ),
        ({"binary": False}, "prediction"),
    ],
)
def test_what_there_is_to_know_is_said(changed, said):
    assert said in printed(replace(OURS, **changed))


def test_programs_get_all_of_it():
    found = json.loads(as_json(OURS))
    assert found["by_field"] == {"shop": 1.5, "amount": -0.25}
    assert math.fsum([found["base"], *found["by_field"].values()]) == 1.125
    assert [it["code"] for it in found["reasons"]] == ["AAAAA", "BBBBB"]
    assert (found["unit"], found["same"], found["error"]) == ("log-odds", True, None)
