"""``python -m tests.chaos``: faults under load, a row for each kind, and a line of totals."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import click

from tests.chaos.campaign import Campaign
from tests.chaos.faults import FAULTS


@click.command()
@click.option("--seed", default=7, show_default=True, help="equal seeds choose equal faults")
@click.option("--faults", default=200, show_default=True, help="in all, at least one of each kind")
@click.option("--only", multiple=True, type=click.Choice(list(FAULTS)), help="these kinds only")
@click.option("--minutes", type=float, default=float("inf"), help="begin no round after so many")
@click.option("--rate", default=150.0, show_default=True, help="events a second on each lane")
@click.option("--json", "file", type=click.Path(path_type=Path), help="write the results there")
@click.option("--keep", type=click.Path(path_type=Path), help="data and logs; kept")
def main(
    seed: int,
    faults: int,
    only: tuple[str, ...],
    minutes: float,
    rate: float,
    file: Path | None,
    keep: Path | None,
) -> None:
    """Inject faults into running workers and verify that nothing is lost, doubled or different."""
    campaign = Campaign(seed, faults, only or tuple(FAULTS), minutes, rate, click.echo)
    directory = keep or Path(tempfile.mkdtemp(prefix="thalweg-chaos-"))
    results = campaign.results
    try:
        campaign.run(directory)
    finally:
        if file is not None:
            file.write_bytes(results.as_json())
        if not results.hold:
            click.echo(f"what is left of it, and the workers' words: {directory}")
        elif keep is None:
            shutil.rmtree(directory, ignore_errors=True)
        click.echo(results.table())
        click.echo(results.last_line())
    sys.exit(0 if results.hold else 1)


if __name__ == "__main__":
    main()
