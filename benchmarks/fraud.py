"""The fraud preset on the *Fraud Detection Handbook*'s test week, through Kafka, beside others.

``python -m benchmarks.fraud`` writes all 1.75 million payments to a topic, and a label for each
fraud seven days later; a worker answers them in one pass, first with one partition, then with four.
Its published predictions are measured by the book's protocol (`benchmarks.handbook`). River's
models are measured beside it, with the book's own features, and so is a perfect score.

The data are not ours to publish: ``handbook_raw.parquet`` and ``handbook_features.parquet`` are the
book's *simulated-data-raw* and *simulated-data-transformed*, each as one table.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.fraud_choice import alternatives, answered
from benchmarks.fraud_pipelines import PIPELINES, one
from benchmarks.fraud_records import payments
from benchmarks.fraud_rivals import RIVALS, progressive
from benchmarks.fraud_streams import answers
from benchmarks.handbook import (
    EARLIER,
    PUBLISHED,
    TEST_WEEK,
    Figures,
    Payments,
    figures,
    mean_figures,
    read,
)
from benchmarks.machine import describe_machine
from benchmarks.measuring import BenchmarkError
from streams.chunks import first
from streams.errors import TeachingError

__all__ = ["LEAST_EVENTS", "OURS", "main"]

RESULTS = Path(__file__).parent / "results" / "fraud.json"
LEAST_EVENTS = 60_000
"""A CPU-second, with one partition."""
OURS = "Thalweg, fraud()"

_DATA = "THALWEG_TEST_DATA"
_FILES = "handbook_raw.parquet", "handbook_features.parquet"
_BESIDE = Path(__file__).parents[2] / "shared" / "data"
_PACKAGES = ("river", "numpy", "numba", "faust-streaming", "aiokafka")
_WIDTH = 110  # of the table, wherever it is printed
_WARM_UP_DAYS = 9  # until labels come, too

console = Console(highlight=False, soft_wrap=True, width=_WIDTH)


@click.command()
@click.option(
    "--data",
    envvar=_DATA,
    default=_BESIDE,
    type=click.Path(path_type=Path),
    help=f"folder of {' and '.join(_FILES)}; {_DATA} names it, too",
)
@click.option("--without-forest", is_flag=True, help="leave out River's forest: minutes")
@click.option("--choose", is_flag=True, help="the preset's alternatives on earlier weeks instead")
@click.option("--only", default="", help="with --choose: part of an alternative's name")
@click.option("--output", default=RESULTS, show_default=True, type=click.Path(path_type=Path))
def main(data: Path, without_forest: bool, choose: bool, only: str, output: Path) -> None:
    """Measure how well frauds are found, and what that costs."""
    os.environ.pop(_DATA, None)  # a worker refuses settings that it does not know
    try:
        raw, features = files(data)
        known = read(raw)
        if choose:
            rows = shown(alternatives(raw, known, only))
            if not only:
                keep(output.with_stem(f"{output.stem}_choice"), rows)
            return
        rows = [*ours(raw, known), *rivals(features, known, without_forest), perfect(known)]
        rows += published()
    except (BenchmarkError, TeachingError) as error:
        raise click.ClickException(str(error)) from error
    console.print(table(rows))
    console.print(
        f"test: the week from {TEST_WEEK}; before: the mean of the {len(EARLIER)} weeks before it, "
        "on which choices were made"
    )
    console.print(verdict(rows[0]))
    if not without_forest:
        keep(output, rows)
    console.print(last_line(rows[0]))


def files(folder: Path) -> list[Path]:
    """The two files.

    Raises:
        TeachingError: there are none.
    """
    missing = [name for name in _FILES if not (folder / name).is_file()]
    if missing:
        raise TeachingError(
            f"there is no {' and no '.join(missing)} in {folder}",
            "the handbook's payments are not ours to publish: they are its simulated-data-raw and "
            "simulated-data-transformed, each as one table",
            "python -m benchmarks.fraud --data FOLDER",
        )
    return [folder / name for name in _FILES]


def ours(raw: Path, known: Payments) -> Iterable[Mapping[str, Any]]:
    """The preset, for each number of partitions."""
    # Kernels are compiled once for ever: where that takes minutes, a watchdog ends the worker.
    begun = known.before(known.day[0] + _WARM_UP_DAYS)
    answered(one, first(payments(raw), len(begun)), begun)
    for partitions in PIPELINES:
        found = answers(raw, known, partitions)
        run = found.run
        cost = {
            "events": run.events,
            "cpu_s": round(run.cpu_s, 3),
            "events_per_cpu_s": round(run.events_per_cpu_s),
        }
        name = f"{OURS}, {partitions} partition{'s' if partitions > 1 else ''}"
        yield row(name, known, found.score) | cost


def rivals(features: Path, known: Payments, without_forest: bool) -> Iterable[Mapping[str, Any]]:
    """River's models; their features begin too late for the weeks before."""
    for name, model in RIVALS.items():
        if not (without_forest and "forest" in name):
            yield row(name, known, progressive(model(), known, features), earlier=False)


def perfect(known: Payments) -> Mapping[str, Any]:
    """What no system can surpass."""
    return row("a perfect score", known, known.fraud.astype(np.float64))


def published() -> Iterable[Mapping[str, Any]]:
    """The book's own figures."""
    for name, test in PUBLISHED.items():
        yield {"system": f"published, in batch: {name}", "test_week": test._asdict()}


def row(
    name: str, known: Payments, score: NDArray[np.float64], *, earlier: bool = True
) -> dict[str, Any]:
    """A row: figures of the test week, and of the weeks before it."""
    found: dict[str, Any] = {"system": name}
    found["test_week"] = _rounded(figures(known, score, TEST_WEEK))
    if earlier:
        found["weeks_before"] = _rounded(mean_figures(known, score))
    line = " ".join(f"{key} {value:.4f}" for key, value in found["test_week"].items())
    console.print(f"{name}: {line}")
    return found


def _rounded(found: Figures) -> dict[str, float]:
    return {name: round(value, 4) for name, value in found._asdict().items()}


def table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """The rows for people."""
    made = Table(box=None, padding=(0, 1, 0, 0))
    made.add_column("labels 7 days late", no_wrap=True)
    weeks = {"test_week": "test", "weeks_before": "before"}
    for week in weeks.values():
        for name in ("AUC", "AP", "CP@100"):
            made.add_column(f"{week}\n{name}", justify="right", no_wrap=True)
    made.add_column("events/CPU-s", justify="right", no_wrap=True)
    for one_row in rows:
        cells = [
            f"{one_row[week][name]:.3f}" if week in one_row else ""
            for week in weeks
            for name in Figures._fields
        ]
        cost = one_row.get("events_per_cpu_s")
        made.add_row(one_row["system"], *cells, f"{cost:,}" if cost else "")
    return made


def shown(found: Iterable[tuple[str, Figures]]) -> list[Mapping[str, Any]]:
    """A line for each alternative as soon as it is known, and a row to keep."""
    console.print("mean of the twelve weeks before the test week   AUC    AP    CP@100")
    rows = []
    for name, mean in found:
        console.print(f"{name:<46}  {mean.auc:.4f} {mean.ap:.4f} {mean.cp100:.4f}")
        rows.append({"system": name, "weeks_before": _rounded(mean)})
    return rows


def keep(output: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write what was measured, and on what."""
    told = {
        "rows": rows,
        "versions": {name: version(name) for name in _PACKAGES},
        "machine": describe_machine(),
    }
    output.parent.mkdir(exist_ok=True)
    output.write_text(json.dumps(told, indent=2) + "\n")
    console.print(f"written to {output}")


def verdict(found: Mapping[str, Any]) -> str:
    """Whether it is fast enough."""
    cost = found["events_per_cpu_s"]
    return (
        f"{found['system']}: {cost:,} events/CPU-s, exactly-once, budget ≥ {LEAST_EVENTS:,}: "
        f"{'met' if cost >= LEAST_EVENTS else 'MISSED'}"
    )


def last_line(found: Mapping[str, Any]) -> str:
    """What a program reads."""
    auc, ap, cp100 = (found["test_week"][name] for name in Figures._fields)
    return f"auc {auc:.4f} ap {ap:.4f} cp100 {cp100:.4f}"


if __name__ == "__main__":
    main()
