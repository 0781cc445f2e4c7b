"""Pictures and tables of what was measured, from figures made up here."""

from __future__ import annotations

import json

import pytest

from docs import tables

STAGES = [
    {
        "pipeline": "plain",
        "stages_us": {"decode": 0.3, "score": 0.2},
        "us_per_event": 0.5,
        "mean_us_per_event": 0.625,
    },
    {
        "pipeline": "delayed",
        "stages_us": {"decode": 0.3, "join": 1.25},
        "us_per_event": 1.55,
        "mean_us_per_event": 2.5,
    },
]
SCALE = {
    "rows": [
        {"question": question, "learners": 8, "look": 64, "delay": 100}
        | {"auc": 0.87, "ap": 0.5, "bytes_percent": 5.0}
        for question in ("one", "alone", "learners", "interval", "delay")
    ]
}
COSTS = {
    "rows": [
        {"axis": "slice", "at": "1 events", "us_per_event": 326.28},
        {"axis": "slice", "at": "4,096 events", "us_per_event": 1.15},
        {"axis": "features", "at": "3", "us_per_event": 0.71},
        {"axis": "value", "at": "1,000 bytes, nested", "us_per_event": 2.7},
        {"axis": "value", "at": "55 bytes", "us_per_event": 0.9},
        {"axis": "partitions", "at": "4", "us_per_event": 1.99, "events_per_s": 429_196},
    ]
}
READ = {"read uncommitted": {"p50": 1.0, "p99": 2.0}, "read committed": {"p50": 90.0, "p99": 99.0}}
LATENCY = [{"rate": 0}, {"rate": 500, "added_ms": READ}, {"rate": 10, "added_ms": READ}]
MEMORY = {"samples": [{"millions": 1, "rss_mib": 328.6}, {"millions": 2, "rss_mib": 328.8}]}
SOAK = {
    "samples": [
        {"at_s": 5.0 * n, "rss_mib": 300.0, "fds": 40, "series": 900, "p50_ms": 9.0, "p99_ms": 80.0}
        for n in range(9)
    ]
}


@pytest.mark.parametrize(
    ("name", "measured", "words"),
    [
        ("stages", STAGES, ["join", "delayed"]),
        ("costs", COSTS, ["features", "nested"]),
        ("latency", LATENCY, ["read committed, p99"]),
        ("memory", MEMORY, ["million events"]),
        ("mixing_scale", SCALE, ["learners", "events on the way", "AP, alone"]),
        ("soak", SOAK, ["minutes", "file descriptors"]),
    ],
)
def test_a_picture_says_what_it_shows_and_is_the_same_every_time(tmp_path, name, measured, words):
    plots = pytest.importorskip("benchmarks.plots")
    for path in ("one.svg", "other.svg"):
        plots.draw(name, measured, tmp_path / path)
    drawn = (tmp_path / "one.svg").read_text()
    assert all(f">{word}</text>" in drawn for word in words)
    assert drawn == (tmp_path / "other.svg").read_text()


def test_the_tables_of_costs_are_made_from_their_results(tmp_path, monkeypatch):
    for name, figures in (("STAGES", STAGES), ("COSTS", COSTS)):
        path = tmp_path / name
        path.write_text(json.dumps(figures))
        monkeypatch.setattr(tables, name, path)
    assert tables.stages().splitlines()[-3:] == [
        "| join |  | 1.250 |",
        "| all of it | **0.50** | **1.55** |",
        "| … of the mean fetch | 0.62 | 2.50 |",
    ]
    lines = tables.costs().splitlines()
    assert lines[2] == "| slice | 1 events: **326** · 4,096 events: **1.15** |"
    assert lines[-1] == "| partitions | 4: **1.99**, 429,196 events/s |"
