"""What partitions that share what they know of terminals are worth, on the handbook's payments.

``python -m benchmarks.shared_windows FOLDER`` answers them by the fraud preset on one partition, on
four, and on four that share their label rates, in one process, deltas being read so many events
after they were written; and through Kafka, exactly-once: two workers, fed at a rate. It says in how
many rows the figures of terminals are the published ones, and how well frauds are found. What it
measured takes the place of what the file of results had of it.

FOLDER has ``handbook_raw.parquet`` and ``handbook_features.parquet`` (`benchmarks.fraud`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
from rich.console import Console

from benchmarks import fraud_pipelines
from benchmarks.fraud import files
from benchmarks.fraud_records import labels, payments
from benchmarks.guarantees import keep
from benchmarks.handbook import (
    TEST_WEEK,
    Payments,
    figures,
    mean_figures,
    measured,
    read,
    read_features,
)
from benchmarks.measuring import BenchmarkError
from benchmarks.shared_streams import streamed
from benchmarks.shared_tasks import Found, simulated
from streams.chunks import Chunk, joined
from streams.errors import TeachingError
from streams.pipeline import Pipeline

__all__ = ["WAYS", "main", "same"]

RESULTS = Path(__file__).parent / "results" / "shared_windows.json"
WINDOWS = (1, 7, 30)  # days, that the book has of terminals

console = Console(highlight=False, soft_wrap=True)


class Way(NamedTuple):
    """How payments are answered.

    Attributes:
        pipeline: its name in `benchmarks.fraud_pipelines`.
        partitions: how many.
        delay: events until a delta can be read; None: through Kafka.
    """

    pipeline: str
    partitions: int
    delay: int | None = 0


WAYS: Mapping[str, Way] = {
    "one partition": Way("one", 1),
    "four": Way("four", 4),
    "four that share, at once": Way("shared", 4),
    "four that share, 1,000 events late": Way("shared", 4, 1_000),
    "four that share, 10,000 events late": Way("shared", 4, 10_000),
    "four that share, Kafka": Way("shared", 4, None),
}


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--only", multiple=True, type=click.Choice(list(WAYS)), help="this way; repeatable")
@click.option("--first", type=int, help="so many payments only")
@click.option("--rate", default=10_000.0, show_default=True, help="payments a second, on Kafka")
@click.option("--output", default=RESULTS, show_default=True, type=click.Path(path_type=Path))
def main(folder: Path, only: Sequence[str], first: int | None, rate: float, output: Path) -> None:
    """Measure what sharing windows among partitions gives."""
    try:
        raw, features = files(folder)
        known, events = read(raw), joined(list(payments(raw)))
        events = events.cut(0, len(known) if first is None else first)
        for name in only or WAYS:
            row = _measured(WAYS[name], known, events, features, rate)
            shown = ", ".join(f"{what} {value}" for what, value in row.items())
            console.print(f"{name}: {shown}")
            keep(output, name, row)
    except (BenchmarkError, TeachingError) as error:
        raise click.ClickException(str(error)) from error


def _measured(
    way: Way, known: Payments, events: Chunk, features: Path, rate: float
) -> dict[str, Any]:
    pipeline: Pipeline = getattr(fraud_pipelines, way.pipeline)
    count, ids = len(events), list(map(str, known.id.tolist()))
    at = known.at[:count].astype("datetime64[us]").astype(np.int64)
    told = labels(known.before(known.day[count - 1] + 1))
    given = at, events, told, way.partitions
    if way.delay is None:
        found = streamed(way.pipeline, pipeline, *given, ids[:count], rate)
    else:
        found = simulated(pipeline, *given, way.delay)
    row: dict[str, Any] = {"events": count, "delay": way.delay}
    for name, equal in same(pipeline, known, features, found).items():
        row[name] = round(equal, 5)
    row["late_events"] = round(found.late.mean)
    if way.delay is None:
        row |= {"rate": rate, "late_s": round(found.late.mean / rate, 3)}
    size = sum(len(one or b"") for column in (events.values, events.keys or ()) for one in column)
    row["bytes"] = round(found.late.told / size, 4)
    answered = known.at_places(slice(count))
    if answered.day[-1] >= TEST_WEEK + 7:  # so all of that week is there
        row["test_week"] = _rounded(figures(answered, found.score, TEST_WEEK)._asdict())
        row["weeks_before"] = _rounded(mean_figures(answered, found.score)._asdict())
    return row


def same(pipeline: Pipeline, known: Payments, features: Path, found: Found) -> Mapping[str, float]:
    """In which share of the book's rows a terminal's counts and risks are the published ones.

    Of each window, and of all of them at once; of the rows that the test week is measured on, too.

    Raises:
        BenchmarkError: there are none.
    """
    published, places, numbers = read_features(features, known)
    answered = places < len(found.score)
    if not answered.any():
        raise BenchmarkError(
            f"the book's figures begin at payment {places[0]:,}: more than --first"
        )
    places, numbers = places[answered], numbers[answered]
    names = [name for feature in pipeline.features or () for name in feature.names]
    equal = np.ones((len(WINDOWS), len(places)), np.bool_)
    for window, days in enumerate(WINDOWS):
        for ours, theirs in (("count", "NB_TX"), ("rate", "RISK")):
            own = found.figures[places, names.index(f"labels-by-terminal_id.{ours}.{days}d")]
            book = numbers[:, published.index(f"TERMINAL_ID_{theirs}_{days}DAY_WINDOW")]
            equal[window] &= np.isclose(own, book, rtol=1e-5, atol=1e-6)
    shares = {f"same_{days}d": float(row.mean()) for days, row in zip(WINDOWS, equal, strict=True)}
    shares["same"] = float(equal.all(axis=0).mean())
    tested = np.isin(places, measured(known, TEST_WEEK))
    if tested.any():
        shares["same_test_week"] = float(equal[:, tested].all(axis=0).mean())
    return shares


def _rounded(found: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in found.items()}


if __name__ == "__main__":
    main()
