"""How well public data sets are predicted, beside untuned River models and trivial ones.

``python -m benchmarks.datasets`` runs every pipeline over its file without a broker, through the
task a worker runs: each event is scored, then learned, since its label is in it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.contenders import DATASETS, OURS
from benchmarks.machine import describe_machine
from models.bytecolumn import ByteColumn
from models.quality import Quality
from streams.pipeline import Pipeline
from streams.slices import Slice
from streams.task import PartitionTask

__all__ = ["figures", "main", "progressive", "short_of"]

RESULTS = Path(__file__).parent / "results" / "datasets.json"
_SLICE = 4_096
_SHOWN = {
    "auc": "AUC",
    "average_precision": "AP",
    "accuracy": "accuracy",
    "kappa_temporal": "κ temporal",
}

console = Console(highlight=False, soft_wrap=True)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--only", multiple=True, help="name of a data set; several times for several")
@click.option("--fast", is_flag=True, help="our models only")
@click.option("--output", default=RESULTS, show_default=True, type=click.Path(path_type=Path))
def main(folder: Path, only: Sequence[str], fast: bool, output: Path) -> None:
    """Measure how well the data sets in FOLDER, Parquet files, are predicted."""
    rows = []
    for dataset in DATASETS:
        if only and dataset.name not in only:
            continue
        schema, events = dataset.read(folder)
        for contender in dataset.contenders:
            if fast and contender != OURS:
                continue
            began = time.process_time()
            whole, rest = progressive(dataset.pipeline(contender, schema), events, dataset.tuned)
            rows.append(
                {
                    "data": dataset.name,
                    "model": contender,
                    "events": len(events),
                    "tuned": dataset.tuned,
                    "cpu_s": round(time.process_time() - began, 1),
                    "whole": figures(whole),
                    "rest": figures(rest),
                    "machine": describe_machine(),
                }
            )
            console.print(f"{dataset.name}: {contender}, {rows[-1]['cpu_s']} s of CPU")
    console.print(_table(rows))
    for line in short_of(rows):
        console.print(line)
    if not (only or fast):
        output.parent.mkdir(exist_ok=True)
        output.write_text(json.dumps(rows, indent=2) + "\n")
        console.print(f"written to {output}")


def progressive(
    pipeline: Pipeline, events: Sequence[bytes], tuned: float
) -> tuple[Quality, Quality]:
    """Test-then-train figures of all events, and of those behind the share that was tuned on."""
    task = PartitionTask(pipeline, 0)
    topic = pipeline.events.name
    task.positions = {topic: 0}
    edge = round(tuned * len(events))
    measured = []
    for begin, end in ((0, edge), (edge, len(events))):
        task.quality = pipeline.new_quality()
        measured.append(task.quality)
        for first in range(begin, end, _SLICE):
            task.take(_slice(topic, first, events[first : min(first + _SLICE, end)]))
    whole, rest = measured
    whole.merge(rest)
    return whole, rest


def figures(quality: Quality) -> Mapping[str, float]:
    """Those that are shown, with the trivial models' beside them.

    κ temporal is the share of the no-change baseline's errors that a model spares (Žliobaitė,
    Bifet, Read, Pfahringer, Holmes 2015, "Evaluation methods and decision theory for
    classification of streaming data with temporal dependence", Machine Learning 98): at or below 0
    it has learned nothing that the label before does not tell.
    """
    found = quality.summary()
    unchanged = found["no_change_accuracy"]
    found["kappa_temporal"] = (found["accuracy"] - unchanged) / (1.0 - unchanged)
    names = (*_SHOWN, "base_rate", "majority_accuracy", "no_change_accuracy")
    return {name: round(found[name], 4) for name in names}


def _slice(topic: str, first: int, events: Sequence[bytes]) -> Slice:
    n = len(events)
    keys = ByteColumn.of([None] * n)
    places = np.arange(first, first + n)
    none = np.zeros(n, np.int64)
    return Slice(topic, 0, first, first + n, places, keys, ByteColumn.of(events), none)


def _table(rows: Sequence[Mapping[str, Any]]) -> Table:
    shown = Table(box=None, padding=(0, 1, 0, 0))
    for name in ("labels at once", "model"):
        shown.add_column(name, no_wrap=True)
    for name in (*_SHOWN.values(), "rest: AUC", "accuracy"):
        shown.add_column(name, justify="right", no_wrap=True)
    for place, row in enumerate(rows):
        whole, rest = row["whole"], row["rest"]
        cells = [whole[name] for name in _SHOWN] + [rest["auc"], rest["accuracy"]]
        shown.add_row(row["data"], row["model"], *(f"{cell:.3f}" for cell in cells))
        if place + 1 == len(rows) or rows[place + 1]["data"] != row["data"]:
            for name in ("majority", "no_change"):
                right = [f"{part[f'{name}_accuracy']:.3f}" for part in (whole, rest)]
                words = name.replace("_", " ")
                shown.add_row("", words, "", "", right[0], "", "", right[1], style="dim")
    return shown


def short_of(rows: Sequence[Mapping[str, Any]]) -> Sequence[str]:
    """A line for each figure in which ours is behind what River reached elsewhere."""
    ours = {row["data"]: row["whole"] for row in rows if row["model"] == OURS}
    return [
        f"SHORT: {dataset.name}: {name} {ours[dataset.name][name]:.3f}, River has {reached:.3f}"
        for dataset in DATASETS
        if dataset.name in ours
        for name, reached in dataset.reached.items()
        if ours[dataset.name][name] < reached
    ]


if __name__ == "__main__":
    main()
