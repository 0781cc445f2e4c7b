"""The demonstration fits any terminal, and says what it shows."""

from __future__ import annotations

import io
import math
from collections import deque
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import numpy as np
import pytest
from rich.console import Console
from rich.text import Text

from streams.demo_screen import Scene, Screen, Sight, line, picture, shown
from streams.predictions import Prediction
from streams.readings import Reading

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
QUALITY = {
    "labels": 123_456.0, "window_labels": 40_000.0, "auc": 0.8912, "window_auc": 0.9312,
    "average_precision": 0.4, "window_average_precision": 0.5, "precision_at_budget": 0.6,
    "window_precision_at_budget": 0.7, "base_rate": 0.0081, "window_base_rate": 0.0079,
    "log_loss": 0.0671, "window_log_loss": 0.0291, "prior_log_loss": 0.0471,
    "label_delay_seconds": 602_662.0,
}  # fmt: skip


def prediction(score: float, hours: float = 0.0) -> Prediction:
    at = BEGAN + timedelta(hours=hours)
    return Prediction("p1", "c01234", score, score > 0.6, "fraud-1a2b", 7, at, 0, 0)


def reading(at: float, quality=QUALITY) -> Reading:
    return Reading(at, 4, int(8000 * at), 123_456, 0, 120, np.zeros(17, np.int64), quality)


def scene(readings: int = 30) -> Scene:
    made = Scene(
        brokers="127.0.0.1:23421",
        worker=4242,
        metrics="http://127.0.0.1:34567/metrics",
        watch="thalweg tail fraud.predictions -f --brokers 127.0.0.1:23421",
        lesson="chargebacks in 7 days, or 7 days of silence",
        days=120,
        began=BEGAN,
        seconds=34.0,
        now=BEGAN + timedelta(days=68),
        sights=deque(
            Sight(prediction((0.0, 0.7, 0.975)[n % 3], n), 231.2, n % 2 == 0) for n in range(42)
        ),
    )
    for second in range(readings):
        made.meter.add(reading(float(second)))
    return made


def terminal(width: int, height: int, shown: object) -> list[str]:
    console = Console(width=width, height=height, file=io.StringIO(), force_terminal=True)
    lines = console.render_lines(Screen(shown), console.options.update(height=height), pad=False)
    return ["".join(segment.text for segment in line) for line in lines]


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (200, 60)])
@pytest.mark.parametrize("readings", [0, 1, 200])
def test_it_fills_a_terminal_and_not_a_line_more(width, height, readings):
    lines = terminal(width, height, scene(readings))
    assert len(lines) == height
    assert max(map(len, lines)) <= width


def test_everything_is_on_a_terminal_of_80_by_24():
    text = "\n".join(terminal(80, 24, scene()))
    for said in (
        "10 March, day 68 of 120", "0:34", "127.0.0.1:23421", "thalweg tail fraud.predictions -f",
        "c01234", "231.20", "alert", "pass", "✓ fraud", "✗ genuine", "last 40,000",
        "0.8912", "0.9312", "0.0081",
        "123,456 labels learned, on average 7.0 simulated days after the payment",
        "chargebacks in 7 days, or 7 days of silence", "8,000", "lag", "latency p99",
    ):  # fmt: skip
        assert said in text


def test_a_long_command_is_told_whole():
    made = scene()
    made.watch = "/a/long/way/to/python -m streams tail fraud.predictions -f --brokers " + "b" * 40
    lines = terminal(80, 24, made)
    assert len(lines) == 24
    assert made.watch.replace(" ", "") in "".join(lines).replace(" ", "")


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40)])
def test_who_watches_is_on_the_screen_and_the_alerts_are_in_the_log(width, height):
    made = scene()
    alerts, boards = "http://127.0.0.1:9090/alerts   firing: LagRising", "import " + "x" * 200
    made.beside = {"alerts": Text(alerts), "boards": Text(boards)}
    lines = terminal(width, height, made)
    assert len(lines) == height
    assert max(map(len, lines)) <= width
    assert f"alerts {alerts}" in "\n".join(lines)
    assert line(made).splitlines()[-1].strip() == f"alerts {alerts}"


def test_before_the_first_reading_there_are_dashes():
    made = scene(0)
    made.sights.clear()
    made.now = None
    text = "\n".join(terminal(80, 24, made))
    assert "–" in text
    assert "nan" not in text
    assert "no label is known yet" in text


def test_a_picture_shows_the_screen_whole():
    drawn = ElementTree.fromstring(picture(scene()))
    words = "".join(drawn.itertext()).replace("\N{NO-BREAK SPACE}", " ")
    assert "learns to tell card fraud" in words
    assert "c01234" in words
    assert "0.9312" in words
    assert "labels learned, on average 7.0 simulated days" in words


def test_a_log_gets_a_few_lines_every_five_seconds():
    made, out = scene(), io.StringIO()
    made.seconds = 0.0
    with shown(made, Console(file=out, width=80)) as show:
        for made.seconds in np.arange(0.0, 11.0, 0.5).tolist():
            show()
    text = out.getvalue()
    assert text.count("day 68 of 120") == 2
    assert line(made).splitlines()[0] in text.replace("    5 s", "   10 s")


def test_the_lines_of_a_log_say_how_it_runs_a_prediction_and_how_good_it_is():
    runs, one, good, labels = line(scene()).splitlines()
    assert "8,000 events/s   lag 120" in runs
    assert one.split()[-3:] == ["█████████▊", "0.9750", "alert"]
    assert "AUC 0.9312, average precision 0.5000" in good
    assert "base rate 0.0079" in good
    assert "123,456 labels learned" in labels
    assert math.isfinite(scene().day)
