"""An audit fits on 80 columns, and nothing in a record can command the terminal it is shown on."""

from __future__ import annotations

import io
import json
import math
from dataclasses import replace

import pytest
from rich.console import Console

from models.contributions import Contribution, Explanation
from streams.auditing import Audit
from streams.auditview import as_json, described
from streams.explaining import Why
from streams.finding import Found, Place
from streams.published import Row

VALUE = b'{"id":"t1","key":"c1","score":%s,"decision":true,"model":"fraud-1","learned":7,' \
        b'"at":"2026-01-01T00:00:00Z","partition":3,"offset":41}'  # fmt: skip
ATTACK = "\x1b]0;owned\x07"
EXPLANATION = Explanation(
    [
        Contribution("amount", (), 2.5, 17, 0.25, 0.625),
        Contribution("shop", (f"x{ATTACK}",), -1.0, 3, 0.5, -0.5),
        Contribution("note", (None,), 1.0, 4, 0.0, 0.0),
        Contribution("a*b", ("long" * 20, "y"), 1.0, 1_048_575, -3.5, -3.5),
    ],
    -0.125,
)


def audited(score: bytes = b"0.75", **changed) -> Audit:
    told = Row(b"c1", VALUE % b"0.75", 1_767_225_600_000)
    place = Place("fraud.predictions", 3, 57)
    audit = Audit(
        found=Found(place, Place("payments", 3, 41), Row(b"c1", VALUE % score, told.timestamp)),
        event=Row(b"c1", b'{"tx_id":"t1"}', told.timestamp),
        recomputed=told,
        why=Why({"amount": 12.5, "note": None}, EXPLANATION),
        image="image 3 of 2026-01-01 00:00:00 UTC",
        records=1_234,
        elsewhere=[],
        pipeline="fraud-1",
        binary=True,
    )
    return replace(audit, **changed)


def printed(audit: Audit) -> str:
    out = io.StringIO()
    console = Console(file=out, width=80)
    for part in described(audit):
        console.print(part)
    return out.getvalue()


def test_it_fits_on_80_columns_and_ranks_what_matters_most():
    lines = printed(audited()).splitlines()
    assert max(map(len, lines)) <= 80
    names = [line.split()[0] for line in lines[7:13]]
    assert names == ["a*b", "amount", "shop", "note", "intercept", "log-odds"]
    assert lines[7].split()[-1] == "-3.5000"
    assert lines[12].split()[-1] == "-3.5000"
    assert "missing" in lines[10]


def test_a_category_that_has_more_than_one_weight_says_so():
    crossed = Explanation([Contribution("shop", ("x",), 1.0, 3, math.nan, 0.5)], 0.0)
    shown = printed(audited(why=Why({}, crossed)))
    assert "several" in shown
    assert "nan" not in shown


def test_nothing_in_a_record_commands_the_terminal():
    shown = printed(audited(event=Row(b"", f'{{"note":"{ATTACK}"}}'.encode(), 0)))
    assert "\x1b" not in shown
    assert "\x07" not in shown


@pytest.mark.parametrize(
    ("audit", "verdict"),
    [
        (audited(), "equal: the prediction computed again is the published one, to the byte"),
        (audited(b"0.7500000000000001"), "not equal: score"),
        (audited(recomputed=Row(b"c2", VALUE % b"0.75", 0)), "the scores are, to the bit"),
        (audited(pipeline="fraud-2"), "published by fraud-1; this pipeline is fraud-2"),
        (audited(elsewhere=["cpu znver4, here skylake"]), "another machine made that image"),
        (audited(why=Why({})), "Logistic and Linear models only"),
        (audited(image=None), "from the log's beginning"),
        (audited(b'"high"'), "not equal: score"),
    ],
)
def test_the_verdict_in_words(audit, verdict):
    assert verdict in printed(audit)


def test_programs_get_full_precision():
    found = json.loads(as_json(audited(b"0.7500000000000001")))
    assert (found["equal"], found["equal_score"], found["apart"]) == (False, False, "score")
    assert found["published"]["score"] == 0.7500000000000001
    assert found["sum"] == sum(one["amount"] for one in found["contributions"]) + found["intercept"]
    assert found["contributions"][2]["category"] == [None]
