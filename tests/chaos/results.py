"""What a campaign has found, as a table, as JSON and as one line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from statistics import median
from typing import Any

from benchmarks.machine import describe_machine
from streams.manifest import release
from tests.chaos.verifier import Verdict

__all__ = ["Results"]

_COUNTS = (
    "events",
    "predictions",
    "deltas",
    "lost",
    "duplicated",
    "learned_twice",
    "learned_never",
)
_SHOWN = ("aiokafka", "faust-streaming", "confluent-kafka", "numpy", "numba")


@dataclass(slots=True)
class _Row:
    """A kind of fault."""

    seconds: list[float] = field(default_factory=list)
    verdict: Verdict = field(default_factory=Verdict)

    def cells(self) -> Mapping[str, Any]:
        found = self.verdict
        return {
            "faults": len(self.seconds),
            **{name: getattr(found, name) for name in _COUNTS},
            "state_equal": found.state_equal,
            "recovery_p50_s": round(median(self.seconds or [0.0]), 2),
            "recovery_max_s": round(max(self.seconds, default=0.0), 2),
        }


class Results:
    """Counts faults and verdicts by kind.

    Args:
        seed: of the campaign.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._rows: dict[str, _Row] = {}

    @property
    def faults(self) -> int:
        """How many were injected."""
        return sum(len(row.seconds) for row in self._rows.values())

    @property
    def hold(self) -> bool:
        """Whether every promise was kept, and there was something to keep."""
        return self.faults > 0 and self._total().holds

    def injected(self, kind: str, seconds: float) -> None:
        """A fault was, and recovered from in so many seconds."""
        self._row(kind).seconds.append(seconds)

    def verified(self, kind: str, verdict: Verdict) -> None:
        """A round of that kind was."""
        self._row(kind).verdict.add(verdict)

    def failed(self, kind: str, why: str) -> None:
        """A round of that kind could not be brought to its end: nothing in it is proved."""
        self._row(kind).verdict.add(Verdict(state_equal=False, problems=[why]))

    def table(self) -> str:
        """A row for each kind."""
        heads = ("", *(name.replace("_", " ") for name in self._row_names()))
        rows = [heads]
        for kind, row in self._rows.items():
            rows.append((kind, *(_spelled(cell) for cell in row.cells().values())))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])])
            for row in rows
        )

    def last_line(self) -> str:
        """All of it in one line."""
        total = self._total()
        return (
            f"faults {self.faults} lost {total.lost} duplicated {total.duplicated} "
            f"learned_twice {total.learned_twice} learned_never {total.learned_never} "
            f"state_equal {'yes' if total.state_equal else 'no'}"
        )

    def as_json(self) -> bytes:
        """Everything, with the machine and the versions it was found on."""
        found = {
            "seed": self._seed,
            "summary": self.last_line(),
            "kinds": {kind: row.cells() for kind, row in self._rows.items()},
            "problems": self._total().problems,
            "machine": describe_machine(),
            "versions": {"thalweg": release(), **{name: version(name) for name in _SHOWN}},
        }
        return json.dumps(found, indent=2).encode() + b"\n"

    def _total(self) -> Verdict:
        total = Verdict()
        for row in self._rows.values():
            total.add(row.verdict)
        return total

    def _row(self, kind: str) -> _Row:
        return self._rows.setdefault(kind, _Row())

    def _row_names(self) -> list[str]:
        return list(_Row().cells())


def _spelled(cell: Any) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return f"{cell:,}"
