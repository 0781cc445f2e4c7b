"""Eight partitions that learn as one, beside one learner, none that mixes, and plain averaging.

``python -m benchmarks.mixing FOLDER`` has real workers answer the handbook's payments, simulated
ones and other public data sets through Kafka, exactly-once. One learner and learners that do not
mix give the same answers however fast they read, so their events are a backlog; events for learners
that mix are fed at a rate, and once more they are a backlog, for comparison. Then it measures what
mixing costs a worker at full speed. What it measured takes the place of what the file of results
had of it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from benchmarks.answering import answered
from benchmarks.guarantees import Variant, keep, throughput
from benchmarks.measuring import BenchmarkError
from benchmarks.mixing_data import Traffic, traffic
from benchmarks.mixing_pipelines import CASES, declared
from benchmarks.mixing_streams import Way, outcome
from benchmarks.systems import SYSTEMS
from streams.broker import Broker

__all__ = ["WAYS", "main", "table", "told", "verdict"]

RESULTS = Path(__file__).parent / "results" / "mixing.json"
SERIAL, UNMIXED = "serial", "unmixed"
THROUGHPUT = "throughput"
PARTS = (*CASES, THROUGHPUT)
KINDS = ("plain", "delayed")
_PARTITIONS = 4
_ANY = 1e-6  # plain averaging is of all weights that were touched
WAYS = (
    Way(name=SERIAL, partitions=1, workers=1),
    Way(name=UNMIXED),
    Way(name="mean", how="mean", live=True, divergence=_ANY),
    Way(name="mixed, 2 workers", how="saturating", live=True),
    Way(name="mixed, 4 workers", how="saturating", live=True, workers=4),
    Way(name="mixed, backlog", how="saturating"),
)
JUDGED = tuple(way.name for way in WAYS if way.name.endswith("workers"))
"""What a budget is held against."""
MOST = {"auc": 0.002, "ap": 0.01, "log_loss": 0.01, "bytes": 0.05}
"""By how much it may be worse than one learner, log loss relatively; and its share of the input."""
STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)

_DATA = "THALWEG_TEST_DATA"
_SHOWN = {"auc": "AUC", "ap": "AP", "log_loss": "log loss", "cp100": "CP@100"}

_WIDTH = 120  # of the tables, wherever they are printed

console = Console(highlight=False, soft_wrap=True, width=_WIDTH)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--only", "names", multiple=True, type=click.Choice(PARTS), help="this part; all")
@click.option("--way", "parts", multiple=True, help="part of a way's name; several for several")
@click.option("--divergence", type=float, help="of what mixes, other than usual: the dial")
@click.option("--look", type=int, help="labels between two looks, likewise")
@click.option("--first", type=int, help="so many events only, to see whether everything works")
@click.option("--runs", default=5, show_default=True, help="of throughput")
@click.option("--events", default=1_500_000, show_default=True, help="to measure throughput over")
@click.option("--choose", is_flag=True, help="steps instead, on rows for choices")
@click.option("--output", default=RESULTS, show_default=True, type=click.Path(path_type=Path))
def main(
    folder: Path,
    names: Sequence[str],
    parts: Sequence[str],
    divergence: float | None,
    look: int | None,
    first: int | None,
    runs: int,
    events: int,
    choose: bool,
    output: Path,
) -> None:
    """Measure what mixing gives and costs; FOLDER has the data sets as Parquet files."""
    os.environ.pop(_DATA, None)  # a worker refuses settings that it does not know
    ways = [
        _turned(way, divergence, look)
        for way in WAYS
        if any(part in way.name for part in parts or [""])
    ]
    whole = not (parts or first or divergence or look)
    lines = []
    try:
        for name in [part for part in names or PARTS if part in CASES]:
            given = traffic(name, folder)
            if choose:
                _choices(name, given)
                continue
            row = _measured(name, given if first is None else given.first(first), ways)
            console.print(table(name, row))
            lines += told(name, row)
            if whole:
                keep(output, name, row)
        for kind in KINDS if THROUGHPUT in (names or PARTS) and not choose else ():
            row = throughput(kind, variants(kind, events), runs, _PARTITIONS)
            if whole:
                keep(output, f"{THROUGHPUT}, {kind}", row)
    except BenchmarkError as error:
        raise click.ClickException(str(error)) from error
    for line in lines:
        console.print(line)


def variants(kind: str, events: int) -> list[Variant]:
    """A worker whose learners do not mix, and one whose learners do."""
    kinds = {"off": kind, "mixing": f"{kind}_mixed"}
    packages = SYSTEMS[0].packages
    return [
        Variant(name, "unguarded", "exactly-once", events, packages, options=(one, "on"))
        for name, one in kinds.items()
    ]


def _turned(way: Way, divergence: float | None, look: int | None) -> Way:
    """The same with the dial elsewhere, if it mixes as the product does."""
    if way.how != "saturating":
        return way
    return replace(way, divergence=divergence, look_every=look)


def _measured(name: str, given: Traffic, ways: Sequence[Way]) -> dict[str, Any]:
    """What is kept of a data set: each way, as it was shown."""
    case, size = CASES[name], given.size
    found = {}
    with Broker(heap="1g") as broker:
        for way in ways:
            one = outcome(broker.bootstrap, name, way, given, case.rate)
            found[way.name] = _rounded(given.measure(one.score)) | {
                "chosen_on": _rounded(given.choose(one.score)),
                "bytes": round(one.delta_bytes / size, 5),
                "delta_records": one.deltas,
                "events_per_s": round(len(given.ids) / one.wall_s),
                "apart": one.apart,
            }
            shown = ", ".join(f"{each} {value}" for each, value in found[way.name].items())
            console.print(f"{name}: {way.name}: {shown}")
    return {
        "events": len(given.ids),
        "input_bytes": size,
        "rate": case.rate,
        "divergence": case.divergence,
        "look_every": case.look_every,
        "ways": found,
    }


def _rounded(figures: Mapping[str, float]) -> dict[str, Any]:
    return {name: round(value, 5) for name, value in figures.items()}


def _choices(name: str, given: Traffic) -> None:
    """What one learner reaches by each length of its steps, where choices are made."""
    events, labels = [given.events], None if given.labels is None else [given.labels]
    for steps in STEPS:
        score = answered(
            declared(name, f"{name}-choice".replace("_", "-"), steps=steps), events, labels
        )
        figures = ", ".join(f"{one} {value:.4f}" for one, value in given.choose(score).items())
        console.print(f"{name}: AdaGrad({steps}): {figures}")


def table(name: str, row: Mapping[str, Any]) -> Table:
    """A data set for people."""
    made = Table(box=None, padding=(0, 1, 0, 0))
    made.add_column(f"{name}, {row['events']:,} events", no_wrap=True)
    for one in (*_SHOWN.values(), "deltas, of input", "learners apart", "events/s"):
        made.add_column(one, justify="right", no_wrap=True)
    for way, found in row["ways"].items():
        figures = [f"{found[one]:.4f}" if one in found else "" for one in _SHOWN]
        rest = f"{found['bytes']:.2%}", f"{found['apart']:,}", f"{found['events_per_s']:,}"
        made.add_row(way, *figures, *rest)
    return made


def told(name: str, row: Mapping[str, Any]) -> list[str]:
    """The line of a data set, and whether it keeps within its budgets; for each number of workers.

    Nothing where a way was left out.
    """
    ways = row["ways"]
    lines = []
    for way in JUDGED:
        if not {SERIAL, UNMIXED, way} <= ways.keys():
            continue
        serial, unmixed, mixed = (ways[one] for one in (SERIAL, UNMIXED, way))
        shown = " ".join(
            f"{called} {one['auc']:.4f} {one['ap']:.4f}"
            for called, one in (("serial", serial), ("mixed", mixed), ("unmixed", unmixed))
        )
        lines.append(
            f"{name} {shown} bytes {mixed['bytes']:.2%}  ({way}: {verdict(serial, mixed)})"
        )
    return lines


def verdict(serial: Mapping[str, float], mixed: Mapping[str, float]) -> str:
    """Which of the budgets are missed."""
    worse = {
        "auc": serial["auc"] - mixed["auc"],
        "ap": serial["ap"] - mixed["ap"],
        "log_loss": mixed["log_loss"] / serial["log_loss"] - 1,
        "bytes": mixed["bytes"],
    }
    missed = [one.replace("_", " ") for one, most in MOST.items() if worse[one] > most]
    return f"MISSED: {', '.join(missed)}" if missed else "all budgets met"


if __name__ == "__main__":
    main()
