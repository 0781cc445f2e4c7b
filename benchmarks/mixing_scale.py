"""How far learning as one goes: two to 1,024 learners, deltas late, learners unequal or away.

``python -m benchmarks.mixing_scale ../shared/data`` runs the simulation of
`benchmarks.mixing_simulation` on the payments of the fraud handbook, one question after the other:
how many learners, how often they look, how late deltas are, how unequal the learners are, and what
it takes when some of them stand still for a while. 1,024 learners take ten minutes of a core.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from benchmarks.crossed import SETS
from benchmarks.mixing_simulation import Case, added

__all__ = ["QUESTIONS", "main"]

RESULTS = Path(__file__).parent / "results" / "mixing_scale.json"
DATA = "handbook"

_BAND, _LOOK = 0.05, 64
_LEARNERS = tuple(2**power for power in range(1, 11))

console = Console(highlight=False, soft_wrap=True)


def _mixed(learners: int = 64, **other: float) -> Case:
    return Case(learners, **{"divergence": _BAND, "look": _LOOK, **other})  # type: ignore[arg-type]  # all are numbers


QUESTIONS: Mapping[str, Sequence[Case]] = {
    "one": [Case(1, "none")],
    "alone": [Case(learners, "none") for learners in _LEARNERS[::2]],
    "learners": [_mixed(learners) for learners in _LEARNERS],
    "interval": [_mixed(look=look) for look in (16, 64, 256, 1_024, 4_096)],
    "delay": [_mixed(delay=delay) for delay in (100, 1_000, 10_000, 100_000)],
    "skew": [_mixed(skew=skew) for skew in (0.1, 0.5)],
    "outage": [_mixed(outage=outage) for outage in (1 / 8, 1 / 2)],
}
"""What is asked, and the cases that answer it."""


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--only", multiple=True, type=click.Choice(list(QUESTIONS)), help="repeatable")
@click.option("--output", default=RESULTS, show_default=True, type=click.Path(path_type=Path))
def main(folder: Path, only: Sequence[str], output: Path) -> None:
    """Simulate many learners on the handbook's payments; FOLDER has them as Parquet files."""
    data = SETS[DATA](folder)
    for question in only or QUESTIONS:
        rows = added(output, {"data": DATA, "question": question}, data, QUESTIONS[question])
    shown = Table(box=None, padding=(0, 1, 0, 0))
    names = ("question", "learners", "look", "delay", "skew", "outage")
    figures = ("auc", "ap", "log_loss", "bytes_percent")
    for name in (*names, *figures):
        shown.add_column(name.replace("_", " "), justify="right")
    for row in rows:
        shown.add_row(*(f"{row[name]}" for name in (*names, *figures)))
    console.print(shown)


if __name__ == "__main__":
    main()
