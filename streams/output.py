"""What a slice brought about in a task: everything that is to be published, and what to count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from streams.deciding import Tally
from streams.joiner import Outcome
from streams.slices import Records

__all__ = ["Output"]


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
        deltas: what is to be told the other partitions, if anything is, record by record.
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
    folded: int = 0
