"""Writes the tables of the documentation that are made from code and from measurements.

A table stands between two comments, of which the first names it. ``python -m docs.tables`` renews
all of them.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import msgspec

from streams import catalogue, load
from streams.cli import cli
from streams.rights import worker_rights
from streams.settings import SECRETS, Settings, meanings

ROOT = Path(__file__).parents[1]
PAGES = (
    ROOT / "README.md",
    ROOT / "docs/comparison.md",
    ROOT / "docs/decisions/index.md",
    ROOT / "docs/fraud.md",
    ROOT / "docs/growing.md",
    ROOT / "docs/examples.md",
    ROOT / "docs/guarantees.md",
    ROOT / "docs/metrics.md",
    ROOT / "docs/mixing.md",
    ROOT / "docs/performance.md",
    ROOT / "docs/reference/commands.md",
    ROOT / "docs/security.md",
    ROOT / "docs/settings.md",
    ROOT / "docs/windows.md",
)
MEASURED = ROOT / "benchmarks/results/throughput.json"
STAGES = ROOT / "benchmarks/results/stages.json"
COSTS = ROOT / "benchmarks/results/costs.json"
LATENCY = ROOT / "benchmarks/results/latency.json"
FRAUD = ROOT / "benchmarks/results/fraud.json"
FRAUD_CHOICE = ROOT / "benchmarks/results/fraud_choice.json"
DATASETS = ROOT / "benchmarks/results/datasets.json"
MIXING = ROOT / "benchmarks/results/mixing.json"
MIXING_SIMULATION = ROOT / "benchmarks/results/mixing_simulation.json"
SHARED_WINDOWS = ROOT / "benchmarks/results/shared_windows.json"
GROWTH = ROOT / "benchmarks/results/growth.json"
CHAOS = ROOT / "benchmarks/results/chaos.json"


def settings() -> str:
    """Every setting of a worker, as TOML, the environment and the command line spell it."""
    about = meanings()
    lines = ["| in the file | in the environment | flag | default | |", "|---|---|---|---|---|"]
    for field in msgspec.structs.fields(Settings):
        name = field.name
        flag = "" if name in SECRETS else f"`--{name.replace('_', '-')}`"
        default = "" if field.default is None else f"`{field.default}`"
        lines.append(
            f"| `{name}` | `THALWEG_{name.upper()}` | {flag} | {default} | {about[name]} |"
        )
    return "\n".join(lines)


def rights() -> str:
    """What a worker of the pipeline in `examples/fraud.py` has to be allowed."""
    lines = ["| resource | name | operations |", "|---|---|---|"]
    for right in worker_rights(load(ROOT / "examples/fraud.py")):
        pattern = ", and all that begin so (`prefixed`)" if right.prefix else ""
        operations = ", ".join(right.operations)
        lines.append(f"| {right.resource} | `{right.name}`{pattern} | {operations} |")
    return "\n".join(lines)


def commands() -> str:
    """What `--help` says of every command."""
    return "\n\n".join(_command(cli, "thalweg"))


def _command(command: click.Command, name: str) -> Iterator[str]:
    context = click.Context(command, info_name=name, **command.context_settings)
    if isinstance(command, click.Group):
        for each, below in sorted(command.commands.items()):
            yield from _command(below, f"{name} {each}")
        return
    yield f"## `{name}`"
    about, _, examples = inspect.cleandoc(command.help or "").partition("Example: ")
    yield _flags(about.replace("\b\n", "").strip())
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"```text\n{name} {usage}\n```"
    if examples:
        yield f"```console\n{_console(examples)}\n```"
    lines = ["| option | |", "|---|---|"]
    for option in command.params:
        told = option.get_help_record(context)
        if told is not None:
            lines.append(f"| `{_cell(told[0])}` | {_flags(_cell(told[1]))} |")
    yield "\n".join(lines)


def _console(examples: str) -> str:
    """Examples of a docstring as lines to be typed."""
    joined = re.sub(r"\s*\\\n\s*", " ", examples)
    return "\n".join(f"$ {line.strip()}" for line in joined.splitlines())


def _flags(text: str) -> str:
    return re.sub(r"--[a-z][a-z-]+", r"`\g<0>`", text)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


def decisions() -> str:
    """The titles of the decisions."""
    lines = ["| | |", "|---:|---|"]
    for path in sorted((ROOT / "docs/decisions").glob("[0-9]*.md")):
        number, title = path.read_text().partition("\n")[0].removeprefix("# ").split(". ", 1)
        lines.append(f"| {number} | [{title}]({path.name}) |")
    return "\n".join(lines)


def throughput() -> str:
    """The last run of the benchmark, fastest first."""
    if not MEASURED.exists():
        return "`make bench-throughput` measures it, beside other ways to run River, in one run."
    rows = sorted(json.loads(MEASURED.read_text()), key=lambda row: -row["events_per_cpu_s"])
    slowest, machine = rows[-1]["events_per_cpu_s"], rows[0]["machine"]
    lines = [
        f"From `make bench-throughput` on {machine['cores']} cores ({machine['processor']}): the",
        "median, lowest and highest of several runs by turns. Trust the ratios, not the figures.",
        "",
        "| same topic, same model, Kafka to Kafka | delivery | events per CPU-second | | ratio |",
        "|---|---|---:|---:|---:|",
    ]
    for row in rows:
        rate, low, high = (row[name] for name in ("events_per_cpu_s", "lowest", "highest"))
        lines.append(
            f"| {row['system']} | {row['delivery']} | {rate:,} | {low:,} – {high:,} "
            f"| {rate / slowest:,.1f} × |"
        )
    return "\n".join(lines)


def stages() -> str:
    """Where the microseconds of an event go."""
    if not STAGES.exists():
        return "`make bench-stages` measures it."
    rows = json.loads(STAGES.read_text())
    names = [row["pipeline"] for row in rows]
    lines = [f"| µs of CPU an event | {' | '.join(names)} |", "|---|" + "---:|" * len(rows)]
    for stage in dict.fromkeys(stage for row in rows for stage in row["stages_us"]):
        costs = [row["stages_us"].get(stage) for row in rows]
        shown = ("" if cost is None else f"{cost:.3f}" for cost in costs)
        lines.append(f"| {stage} | {' | '.join(shown)} |")
    whole = (f"**{row['us_per_event']:.2f}**" for row in rows)
    means = (f"{row['mean_us_per_event']:.2f}" for row in rows)
    lines.append(f"| all of it | {' | '.join(whole)} |")
    return "\n".join([*lines, f"| … of the mean fetch | {' | '.join(means)} |"])


def costs() -> str:
    """What an event costs, a line for each thing that is varied."""
    if not COSTS.exists():
        return "`make bench-costs` measures it."
    found: dict[str, list[str]] = {}
    for row in json.loads(COSTS.read_text())["rows"]:
        cost = row["us_per_event"]
        rate = f", {row['events_per_s']:,} events/s" if "events_per_s" in row else ""
        figure = f"{cost:,.0f}" if cost >= 100 else f"{cost:,.2f}"
        at = row["at"].replace("|", r"\|")
        found.setdefault(row["axis"], []).append(f"{at}: **{figure}**{rate}")
    lines = [f"| {axis} | {' · '.join(points)} |" for axis, points in found.items()]
    return "\n".join(["| | µs of CPU an event |", "|---|---|", *lines])


def datasets() -> str:
    """How well public data sets are predicted, ours first, trivial models last."""
    if not DATASETS.exists():
        return "`make bench-datasets` measures it."
    lines = [
        "| data, events | model | AUC | average precision | accuracy | κ temporal "
        "| rest: AUC | accuracy |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    rows = json.loads(DATASETS.read_text())
    for place, row in enumerate(rows):
        begins = not place or rows[place - 1]["data"] != row["data"]
        name = f"{row['data']}, {row['events']:,}" if begins else ""
        whole, rest = row["whole"], row["rest"]
        kinds = ("auc", "average_precision", "accuracy", "kappa_temporal")
        shown = [f"{one:.3f}" for one in (*(whole[kind] for kind in kinds), rest["auc"])]
        lines.append(f"| {name} | {row['model']} | {' | '.join(shown)} | {rest['accuracy']:.3f} |")
        if place + 1 == len(rows) or rows[place + 1]["data"] != row["data"]:
            for trivial in ("no_change", "majority"):
                right = [f"{part[f'{trivial}_accuracy']:.3f}" for part in (whole, rest)]
                called = trivial.replace("_", " ")
                lines.append(f"| | *{called}* | | | {right[0]} | | | {right[1]} |")
    return "\n".join(lines)


def latency() -> str:
    """What a worker adds to the client's own time, and what it costs, at several loads."""
    if not LATENCY.exists():
        return "`make bench-latency` measures it."
    lines = [
        "| events a second | added, uncommitted: p50 | p99 | committed: p99 | client alone: p99 "
        "| worker, of a core |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    for row in json.loads(LATENCY.read_text()):
        shown = [""] * 4
        if "added_ms" in row:
            uncommitted, committed = row["added_ms"].values()
            floor = row["latency_ms"]["floor"]["p99"]
            delays = (uncommitted["p50"], uncommitted["p99"], committed["p99"], floor)
            shown = [f"{delay:.0f} ms" for delay in delays]
        lines.append(f"| {row['rate']:,} | {' | '.join(shown)} | {row['worker_cores']:.1%} |")
    return "\n".join(lines)


def fraud() -> str:
    """How well frauds are found in the handbook's test week, and in the weeks before it."""
    if not FRAUD.exists():
        return "`make bench-fraud` measures it."
    lines = [
        "| test week; labels 7 days late | AUC | AP | CP@100 | 12 weeks before: AUC | AP | CP@100 "
        "| events per CPU-second |",
        "|---|" + "---:|" * 7,
    ]
    for row in json.loads(FRAUD.read_text())["rows"]:
        figures = [*_found(row, "test_week"), *_found(row, "weeks_before")]
        cost = f"{row['events_per_cpu_s']:,}" if "events_per_cpu_s" in row else ""
        lines.append(f"| {row['system']} | {' | '.join(figures)} | {cost} |")
    return "\n".join(lines)


def fraud_choice() -> str:
    """The fraud preset's alternatives on the weeks before the test week."""
    if not FRAUD_CHOICE.exists():
        return "`python -m benchmarks.fraud --choose` measures it."
    head = ["| mean of the twelve weeks | AUC | AP | CP@100 |", "|---|---:|---:|---:|"]
    rows = json.loads(FRAUD_CHOICE.read_text())["rows"]
    return "\n".join(
        head + [f"| {row['system']} | {' | '.join(_found(row, 'weeks_before'))} |" for row in rows]
    )


def _found(row: Mapping[str, Any], weeks: str) -> list[str]:
    """AUC, average precision and card precision; nothing where they were not measured."""
    return [f"{row[weeks][name]:.3f}" if weeks in row else "" for name in ("auc", "ap", "cp100")]


def mixing() -> str:
    """Eight partitions that learn as one, beside one learner, through Kafka."""
    if not MIXING.exists():
        return "`make bench-mixing` measures it."
    lines = [
        "| data: events; a second; divergence, look "
        "| learners | AUC | average precision | log loss "
        "| deltas, of the input | learners apart, in events |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for name, row in json.loads(MIXING.read_text()).items():
        if "events" not in row:
            continue
        dial = f"{row['divergence']}, {row['look_every']}"
        data = f"{name}: {row['events']:,}; {row['rate']:,.0f}; {dial}"
        for way, found in row["ways"].items():
            figures = (f"{found[kind]:.4f}" for kind in ("auc", "ap", "log_loss"))
            rest = f"{found['bytes']:.2%} | {found['apart']:,}"
            lines.append(f"| {data} | {way} | {' | '.join(figures)} | {rest} |")
            data = ""
    return "\n".join(lines)


def mixing_simulation() -> str:
    """Learners that mix in one process, on the handbook's weeks before the test week."""
    lines = [
        "| learners | how | divergence | labels between looks | AUC | AP | log loss | bytes |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in json.loads(MIXING_SIMULATION.read_text())["rows"]:
        if (row["data"], row["optimizer"], row["skew"]) != ("handbook", "AdaGrad", 0.0):
            continue
        dial = told = ""
        if row["how"] != "none":
            band = "all told" if row["divergence"] < 1e-3 else row["divergence"]
            dial, told = f"{band} | {row['look']}", f"{row['bytes_percent']:.1f} %"
        figures = f"{row['auc']:.4f} | {row['ap']:.4f} | {row['log_loss']:.5f}"
        lines.append(f"| {row['learners']} | {row['how']} | {dial or ' | '} | {figures} | {told} |")
    return "\n".join(lines)


def mixing_cost() -> str:
    """What is left of a worker's speed when its learners mix."""
    rows = json.loads(MIXING.read_text()) if MIXING.exists() else {}
    lines = ["| events per CPU-second | off | mixing | of off |", "|---|---:|---:|---:|"]
    for name, row in rows.items():
        if name.startswith("throughput"):
            off, on = (row["ways"][way] for way in ("off", "mixing"))
            costs = (f"{way['events_per_cpu_s']['median']:,.0f}" for way in (off, on))
            lines.append(
                f"| {row['pipeline']} | {' | '.join(costs)} | {on['of_off']['median']:.1%} |"
            )
    return "\n".join(lines) if lines[2:] else "`make bench-mixing` measures it."


def shared_windows() -> str:
    """What partitions that share what they know of terminals are worth, on the handbook."""
    if not SHARED_WINDOWS.exists():
        return "`python -m benchmarks.shared_windows FOLDER` measures it."
    lines = [
        "| partitions | rows as published | others' rows late, in events | deltas, of the input "
        "| test week: AUC | AP | CP@100 | 12 weeks before: AUC | AP | CP@100 |",
        "|---|" + "---:|" * 9,
    ]
    for name, row in json.loads(SHARED_WINDOWS.read_text()).items():
        figures = [*_found(row, "test_week"), *_found(row, "weeks_before")]
        late = f"{row['same']:.1%} | {row['late_events']:,} | {row['bytes']:.1%}"
        lines.append(f"| {name} | {late} | {' | '.join(figures)} |")
    return "\n".join(lines)


def growth() -> str:
    """What growing from four partitions to eight under load costs, beside none."""
    if not GROWTH.exists():
        return "`python -m benchmarks.growth` measures it."
    told = json.loads(GROWTH.read_text())
    lines = [
        f"{told['events']:,} payments, {told['seeds']} seeds. AUC, in the mean of the seeds, of",
        "ten thousand payments each:",
        "",
        "| learners: payments | of four | grown to eight | lower by | at worst | again by itself |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for way, found in told["ways"].items():
        for n, name in enumerate(told["windows"]):
            figures = (found[one][n] for one in ("stayed", "grown", "dip", "worst", "noise"))
            lines.append(f"| {way}: {name} | {' | '.join(f'{it:.4f}' for it in figures)} |")
    return "\n".join(lines)


def chaos() -> str:
    """What a fault campaign came to, kind by kind."""
    if not CHAOS.exists():
        return "`make chaos` measures it."
    told = json.loads(CHAOS.read_text())
    lines = [
        f"`{told['command']}`, {told['machine']['cores']} cores:",
        "",
        "| fault | times | events | lost | doubled | learned twice | never | state equal "
        "| recovered in: p50 | max |",
        "|---|---:|---:|---:|---:|---:|---:|---|---:|---:|",
    ]
    for kind, row in told["kinds"].items():
        counts = (row["lost"], row["duplicated"], row["learned_twice"], row["learned_never"])
        lines.append(
            f"| {kind} | {row['faults']:,} | {row['events']:,} | {' | '.join(map(str, counts))} "
            f"| {'yes' if row['state_equal'] else 'NO'} "
            f"| {row['recovery_p50_s']:.1f} s | {row['recovery_max_s']:.1f} s |"
        )
    return "\n".join([*lines, "", f"`{told['summary']}`"])


def chaos_summary() -> str:
    """Its last line."""
    if not CHAOS.exists():
        return "`make chaos` measures it."
    told = json.loads(CHAOS.read_text())
    return f"`{told['command']}`:\n\n```text\n{told['summary']}\n```"


TABLES: Mapping[str, Callable[[], str]] = {
    "metrics": catalogue.markdown,
    "mixing": mixing,
    "mixing_cost": mixing_cost,
    "mixing_simulation": mixing_simulation,
    "chaos": chaos,
    "chaos_summary": chaos_summary,
    "commands": commands,
    "decisions": decisions,
    "settings": settings,
    "shared_windows": shared_windows,
    "rights": rights,
    "throughput": throughput,
    "stages": stages,
    "latency": latency,
    "costs": costs,
    "fraud": fraud,
    "fraud_choice": fraud_choice,
    "datasets": datasets,
    "growth": growth,
}


def renewed(text: str) -> str:
    """A page with its tables as they ought to be."""

    def renew(place: re.Match[str]) -> str:
        return f"{place[1]}{TABLES[place[2]]()}\n{place[3]}"

    pattern = r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)"
    return re.sub(pattern, renew, text, flags=re.DOTALL)


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(renewed(page.read_text()))
