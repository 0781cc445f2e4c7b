"""On public data sets we are at least where untuned River models are; no broker, same task."""

from __future__ import annotations

import pytest

from benchmarks.contenders import DATASETS, OURS
from benchmarks.datasets import figures, progressive, short_of
from models.quality import Quality


@pytest.mark.parametrize("dataset", DATASETS, ids=lambda dataset: dataset.name)
def test_ours_reaches_what_untuned_river_models_reach(dataset, shared_data):
    schema, events = dataset.read(shared_data)
    whole, rest = progressive(dataset.pipeline(OURS, schema), events, dataset.tuned)
    found = figures(whole)
    short = {name: found[name] for name, least in dataset.reached.items() if found[name] < least}
    assert not short
    # More is known than that the label stays what it was; also where nothing was chosen.
    assert found["kappa_temporal"] > 0
    assert figures(rest)["kappa_temporal"] > 0


def test_kappa_temporal_is_the_share_of_the_no_change_errors_that_is_spared():
    quality = Quality("binary")
    truth = [0, 1, 0, 1, 1, 1, 0, 0, 0]  # 4 changes in 8
    answers = [0, 1, 0, 1, 1, 1, 0, 0, 1]
    quality.update([float(one) for one in answers], [bool(one) for one in answers], truth)
    assert figures(quality)["kappa_temporal"] == round((8 / 9 - 0.5) / (1 - 0.5), 4)


def test_a_figure_that_is_short_is_named():
    dataset = DATASETS[0]
    rows = [
        {"data": dataset.name, "model": model, "whole": {"accuracy": accuracy}}
        for model, accuracy in ((OURS, 0.8), ("River LR", 0.1))
    ]
    assert short_of(rows) == ["SHORT: elec2: accuracy 0.800, River has 0.856"]
    rows[0]["whole"]["accuracy"] = 0.9
    assert short_of(rows) == []
