"""Pipelines whose model never answers to one word, the first time it hears it.

To be copied: a file beside it tells later processes that the word has been heard.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

from river.dummy import NoChangeClassifier

from streams import Event, Pipeline, Topic

HEARD = Path(__file__).with_suffix(".heard")


class Word(Event, frozen=True):
    id: str
    word: str
    label: bool


class Stuck(NoChangeClassifier):
    def predict_one(self, x):
        if x["word"] == "sleeping" and not HEARD.exists():
            HEARD.touch()
            while True:
                time.sleep(1)
        if x["word"] == "greedy" and not HEARD.exists():
            HEARD.touch()
            re.match("(a+)+b", "a" * 1000)  # lets no other thread run
        return super().predict_one(x)


def stuck(name: str) -> Pipeline:
    events = Topic(f"{name}.words", schema=Word, id="id")
    return Pipeline(name=name, events=events, labels="label", model=Stuck())


sleeping = stuck("sleeping")
greedy = stuck("greedy")
