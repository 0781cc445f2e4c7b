"""What many learners that mix come to, beside a single one: the product's learners in one process.

``python -m benchmarks.mixing_simulation ../shared/data`` spreads the events of public data over
learners by a hash of their key, has every delta read a while after it was published, and measures
what was scored. Nothing but Kafka is left out: who learns what, who tells, who has read what when.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.crossed import SETS, Crossed
from benchmarks.handbook import average_precision, roc_auc
from benchmarks.machine import describe_machine
from models.deltas import Decoder
from models.linear import Logistic
from models.mixing import Mixing, mixed
from models.optimizers import FTRL, SGD, AdaGrad, Optimizer
from models.protocol import LEARN, SCORE, Plan

__all__ = ["Case", "added", "main", "simulated"]

RESULTS = Path(__file__).parent / "results" / "mixing_simulation.json"
_OUTAGE = 0.45, 0.55
console = Console(highlight=False, soft_wrap=True)


class Case(NamedTuple):
    """Who learns, and how.

    Attributes:
        learners: how many.
        how: they mix, or ``"none"``.
        divergence, look: of `Mixing`; `look` in labels of one learner.
        delay: events of all learners between a publication and its being read; uniformly random up
            to twice that, so that deltas of different senders overtake each other.
        skew: share of the events that the first learner gets on top of its own.
        outage: share of the learners that stand still in the middle tenth of the log, and answer
            what has come for them at its end.
        optimizer: of the model.
    """

    learners: int
    how: str = "saturating"
    divergence: float = Mixing().divergence
    look: int = Mixing().look_every
    delay: int = 1_000
    skew: float = 0.0
    outage: float = 0.0
    optimizer: Optimizer = AdaGrad(0.02)


def simulated(data: Crossed, case: Case) -> Mapping[str, Any]:
    """Figures of what the learners of a case scored."""
    n, learners = len(data.label), case.learners
    model = Logistic(bits=int(data.buckets).bit_length(), optimizer=case.optimizer)
    mixing = None if case.how == "none" else Mixing(case.divergence, case.look, case.how)  # type: ignore[arg-type]
    group = [
        model.new(0) if mixing is None else mixed(model, 0, p, mixing) for p in range(learners)
    ]
    score, decoder = np.zeros(n), Decoder()
    chance = np.random.default_rng(7)
    log: list[tuple[int, int, bytes]] = []  # (when it can be read, sender, delta), as published
    read, volume, started = 0, 0, time.process_time()
    tick = max(10, min(case.look * learners // 8, 1_000))
    for moment, partition, op, row in _parts(data, _owner(data.key, case), case, tick):
        began = read
        while read < len(log) and log[read][0] <= moment * tick:
            read += 1
        for learner in group if read > began else ():  # all of them: its weights stay in a cache
            for _, sender, delta in log[began:read]:
                learner.fold(sender, delta, decoder)
        plan = Plan()
        plan.extend(op, row, data.label[row[op == LEARN]])
        told = mixing and group[partition].under_way
        score[row[op == SCORE]] = group[partition].run(plan, data.rows).value
        if mixing and not told and (delta := group[partition].under_way):
            volume += len(delta)
            last = log[-1][0] if log else 0  # one log, one order: nobody reads it out of turn
            when = moment * tick + int(chance.uniform(0, 2 * case.delay))
            log.append((max(last, when), partition, delta))
    figures = [
        (roc_auc(data.label[at] > 0, score[at]), average_precision(data.label[at] > 0, score[at]))
        for at in data.places
    ]
    auc, ap = np.mean(figures, axis=0).tolist()
    return {
        "learners": learners,
        "how": case.how,
        "optimizer": case.optimizer.describe()["name"],
        "divergence": case.divergence,
        "look": case.look,
        "delay": case.delay,
        "skew": case.skew,
        "outage": case.outage,
        "auc": round(auc, 4),
        "ap": round(ap, 4),
        "log_loss": round(_log_loss(data, score), 5),
        "deltas": len(log),
        "bytes_percent": round(100 * volume / (n * data.size), 2),
        "cpu_s": round(time.process_time() - started, 1),
    }


def _parts(
    data: Crossed, owner: NDArray[np.int64], case: Case, tick: int
) -> Iterator[tuple[int, int, NDArray[np.int8], NDArray[np.int64]]]:
    """Steps of the log in order of time: a moment, a partition, and what its learner does in it."""
    n, learners = len(data.label), case.learners
    learns = np.flatnonzero(data.known <= n)
    when = np.concatenate((np.arange(n) * 2, data.known[learns] * 2 - 1))
    order = np.argsort(when, kind="stable")
    row = np.concatenate((np.arange(n), learns))[order]
    op = np.repeat(np.array([SCORE, LEARN], np.int8), (n, len(learns)))[order]
    moments = when[order] // (2 * tick)
    begins, ends = int(_OUTAGE[0] * n) // tick, int(_OUTAGE[1] * n) // tick
    still = (owner[row] < case.outage * learners) & (moments >= begins) & (moments < ends)
    part = np.where(still, ends, moments) * learners + owner[row]
    by_part = np.argsort(part, kind="stable")
    cuts = np.flatnonzero(np.diff(part[by_part])) + 1
    for steps in np.split(by_part, cuts):
        moment, partition = divmod(int(part[steps[0]]), learners)
        yield moment, partition, op[steps], row[steps]


def _owner(key: NDArray[np.int64], case: Case) -> NDArray[np.int64]:
    mixed_up = key.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(32)
    owner = (mixed_up % np.uint64(case.learners)).astype(np.int64)
    taken = mixed_up // np.uint64(case.learners) % np.uint64(1_000) < int(1_000 * case.skew)
    return np.where(taken, 0, owner)


def _log_loss(data: Crossed, score: NDArray[np.float64]) -> float:
    at = np.concatenate(data.places)
    true = np.where(data.label[at] > 0, score[at], 1.0 - score[at])
    return float(-np.log(np.maximum(true, 1e-15)).mean())


def cases(name: str) -> Sequence[Case]:
    """What is tried on a data set; of the handbook more."""
    few = [
        Case(1, "none"),
        *(Case(8, how, 1e-6, 10, delay=20) for how in ("none", "mean", "sum")),
        *(Case(8, divergence=d, look=look, delay=20) for d in (0.05, 0.15) for look in (10, 100)),
        *(Case(64, how, 1e-6, 5, delay=20) for how in ("none", "mean")),
        Case(64, divergence=0.05, look=5, delay=20),
        Case(8, delay=20),
        *(Case(64, look=look, delay=20) for look in (16, 64, 256)),
    ]
    if name != "handbook":
        return few
    return [
        Case(1, "none"),
        Case(8, "none"),
        *(Case(8, how, 1e-6, 500) for how in ("mean", "sum", "saturating")),
        *(Case(8, divergence=d, look=500) for d in (0.05, 0.1, 0.15, 0.3, 0.6)),
        *(Case(8, look=look) for look in (128, 256, 2_000, 4_096)),
        Case(8, divergence=0.12),
        Case(8, divergence=0.2, look=128),
        Case(8, delay=10_000),
        Case(8, skew=0.5),
        Case(64, "none"),
        *(Case(64, how, 1e-6, look=100) for how in ("mean", "sum")),
        *(Case(64, divergence=d) for d in (0.05, 0.1, 0.15)),
        Case(64, divergence=0.05, look=100, delay=10_000),
        *(
            Case(learners, how, 0.15, 500, optimizer=optimizer)
            for optimizer in (SGD(0.002), FTRL(0.02, 0.01))
            for learners, how in ((1, "none"), (8, "none"), (8, "mean"), (8, "saturating"))
        ),
    ]


def added(
    output: Path, of: Mapping[str, str], data: Crossed, cases: Iterable[Case]
) -> Sequence[Mapping[str, Any]]:
    """Simulate cases, and answer the rows of a file, in which theirs stand from now on.

    Each is printed and written as it is there.

    Args:
        of: what names these rows; all others of the same name go.
    """
    kept = json.loads(output.read_text())["rows"] if output.exists() else []
    kept = [row for row in kept if not of.items() <= row.items()]
    output.parent.mkdir(exist_ok=True)
    for case in cases:
        kept.append({**of, **simulated(data, case)})
        console.print(" ".join(f"{key}={value}" for key, value in kept[-1].items()))
        text = json.dumps({"machine": describe_machine(), "rows": kept}, indent=1)
        output.write_text(text + "\n")
    return kept


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--only", multiple=True, type=click.Choice(list(SETS)), help="data set; repeatable")
@click.option("--output", default=RESULTS, show_default=True, type=click.Path(path_type=Path))
def main(folder: Path, only: Sequence[str], output: Path) -> None:
    """Simulate learners that mix, on the data sets in FOLDER, Parquet files."""
    for name in only or SETS:
        rows = added(output, {"data": name}, SETS[name](folder), cases(name))
    console.print(_table(rows))


def _table(rows: Sequence[Mapping[str, Any]]) -> Table:
    shown = Table(box=None, padding=(0, 1, 0, 0))
    for name in ("data", "learners", "how", "AUC", "AP", "log loss", "bytes %"):
        shown.add_column(name, justify="left" if name in ("data", "how") else "right")
    for row in rows:
        figures = f"{row['auc']:.4f}", f"{row['ap']:.4f}", f"{row['log_loss']:.5f}"
        cells = row["data"], str(row["learners"]), row["how"], *figures, f"{row['bytes_percent']}"
        shown.add_row(*cells)
    return shown


if __name__ == "__main__":
    main()
