"""What a slice brought about in a task: everything that is to be published, and what to count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from streams.deciding import Tally
from streams.joiner import Outcome
from streams.slices import Records

__all__ = ["Output", "joined"]

_Name = TypeVar("_Name", bound=str)


@dataclass(slots=True)
class Output:
    """What a slice brought about.

    Attributes:
        predictions: one for each event, in order.
        dead_letters: the records that were turned away.
        events: how many were scored.
        taken: how many records were new.
        learned: how many labels were learned.
        one_by_one: how many records were decoded one at a time, off the compiled path.
        reasons: how many records were turned away, by reason.
        decided: how often what was decided, where that is counted, and which rules fired.
        outcomes: how many labels (and waiting events) came to which end; see `Joiner`.
        deltas: of a pipeline that mixes: what is to be told the other partitions, record by record.
        looked: whether it was asked if there is something to tell them.
        folded: how many deltas were taken over.
    """

    predictions: Records = field(default_factory=lambda: Records([], [], []))
    dead_letters: Records = field(default_factory=lambda: Records([], [], [], []))
    events: int = 0
    taken: int = 0
    learned: int = 0
    one_by_one: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    decided: Tally = field(default_factory=Tally)
    outcomes: Mapping[Outcome, int] = field(default_factory=dict)
    deltas: Sequence[bytes] = ()
    looked: bool = False
    folded: int = 0


def joined(outputs: Sequence[Output]) -> Output:
    """What slices that followed each other brought about, as if they had been one."""
    if len(outputs) == 1:
        return outputs[0]
    whole = Output()
    for name in ("predictions", "dead_letters"):
        parts = [records for one in outputs if len(records := getattr(one, name))]
        if parts:
            setattr(whole, name, Records.joined(parts))
    for name in ("events", "taken", "learned", "one_by_one", "folded"):
        setattr(whole, name, sum(getattr(one, name) for one in outputs))
    whole.reasons = _summed([one.reasons for one in outputs])
    whole.outcomes = _summed([one.outcomes for one in outputs])
    whole.decided = Tally(
        _summed([one.decided.decisions for one in outputs]),
        _summed([one.decided.rules for one in outputs]),
    )
    whole.deltas = [delta for one in outputs for delta in one.deltas]
    whole.looked = any(one.looked for one in outputs)
    return whole


def _summed(counts: Sequence[Mapping[_Name, int]]) -> Mapping[_Name, int]:
    total: Counter[_Name] = Counter()
    for one in counts:
        total.update(one)
    return dict(total)
