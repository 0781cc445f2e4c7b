"""A pipeline for each row of River's own table: ``river_pipelines.py:bananas_alma``."""

from __future__ import annotations

from msgspec import field

from benchmarks.river_table import RIVER_TABLE
from streams import Event, Pipeline, Topic


class Page(Event, frozen=True):
    empty_server_form_handler: float
    popup_window: float
    https: float
    request_from_other_domain: float
    anchor_from_other_domain: float
    is_popular: float
    long_url: float
    age_of_domain: int
    ip_in_url: int
    label: bool


class Point(Event, frozen=True):
    x: float = field(name="1")
    y: float = field(name="2")
    label: bool


SCHEMAS = {"Phishing": Page, "Bananas": Point}

for data, models in RIVER_TABLE.items():
    for model, (make, _) in models.items():
        name = f"{data}_{model}".lower()
        globals()[name] = Pipeline(
            name=name.replace("_", "-"),
            events=Topic(data.lower(), schema=SCHEMAS[data]),
            labels="label",
            model=make(),
        )
