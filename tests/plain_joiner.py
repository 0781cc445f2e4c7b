"""The joiner in plain Python: what `streams.joiner` has to be equal to."""

from __future__ import annotations

import heapq
from collections import Counter, OrderedDict
from collections.abc import Sequence

from models.protocol import Plan, State, Target
from streams.joiner import Outcome

__all__ = ["Joiner"]


class Joiner:
    """See `streams.joiner.Joiner`."""

    def __init__(
        self,
        matures_after: float | None,
        otherwise: Target | None,
        remember: int,
        correctable: float | None = None,
    ) -> None:
        self._correctable = correctable
        self._matures_after = matures_after
        self._otherwise = otherwise
        self._remember = remember
        self._arrivals = 0
        self.watermark = float("-inf")
        self.newest = float("-inf")
        # Ordered: the first entry of a dict is found past the graves of all that was deleted.
        self._pending: OrderedDict[str, int] = OrderedDict()
        self._maturing: list[tuple[float, int, str]] = []
        self._waiting: list[tuple[float, int, str, Target | None, bool]] = []
        self._early: OrderedDict[str, Target] = OrderedDict()
        self._settled: OrderedDict[str, Target | None] = OrderedDict()
        self._judged: dict[str, Target] = {}
        self._held: set[str] = set()
        self._taught: dict[str, Target] = {}
        self._matured: dict[str, float] = {}
        self._opens = float("inf")
        self._learned_at: list[float] = []
        self.outcomes: Counter[Outcome] = Counter()

    def __len__(self) -> int:
        """How many events wait for a label."""
        return len(self._pending) - len(self._taught)

    @property
    def ahead(self) -> int:
        """How many labels wait for the events to reach their date."""
        return len(self._waiting)

    def oldest(self, default: int) -> int:
        """Row number of the oldest event that waits; `default` when none does."""
        return next(iter(self._pending.values()), default)

    def events(
        self, ids: Sequence[str], times: Sequence[float], first: int, plan: Plan
    ) -> list[float]:
        """Plan to score rows `first`, `first` + 1, …, and to learn what falls due on the way.

        Args:
            ids: id of each event.
            times: event time of each, in seconds since the epoch.
            first: row number of the first event; the others follow.
            plan: what is to be done is appended here, in order.

        Returns:
            The watermark at each `LEARN` step; NaN where an event is learned again.
        """
        self._learned_at = []
        if ids and self._opens == float("inf"):
            closed = None if self._otherwise is None else self._matures_after
            self._opens = times[0] + (closed or float("-inf"))
        for row, (identity, at) in enumerate(zip(ids, times, strict=True), first):
            if at > self.watermark:
                self.watermark = at
                self._release(plan)
            plan.score(row)
            if identity in self._pending or identity in self._settled:
                self.outcomes["repeated-event"] += 1
                continue
            self._pending[identity] = row
            self._matured[identity] = at + (self._matures_after or 0.0)
            if self._matures_after is not None:
                heapq.heappush(self._maturing, (at + self._matures_after, row, identity))
                if len(self._maturing) > 2 * self._remember:
                    self._forget_settled()
            if identity in self._early:
                self._judged[identity] = self._early.pop(identity)
                if identity not in self._held and self.watermark >= self._opens:
                    self._settle(row, identity, self._judged.pop(identity), plan)
            if len(self._pending) > self._remember:
                oldest = next(iter(self._pending))
                if oldest in self._taught:
                    self._retire(oldest, self._taught.pop(oldest))
                    continue
                del self._pending[oldest]
                self._judged.pop(oldest, None)
                self._held.discard(oldest)
                self.outcomes["evicted"] += 1
        return self._learned_at

    def labels(
        self,
        ids: Sequence[str],
        targets: Sequence[Target | None],
        times: Sequence[float],
        plan: Plan,
        held: Sequence[bool] | None = None,
    ) -> list[float]:
        """Take labels as they come; plan to learn those that are due and whose event is known.

        Args:
            ids: the event each label judges.
            targets: what each says; None: nothing any more.
            times: the date of each, in seconds since the epoch.
            plan: what is to be done is appended here, in order.
            held: which wait until their event matures; None: none does.

        Returns:
            The watermark at each `LEARN` step; NaN where an event is learned again.
        """
        self._learned_at = []
        held = [False] * len(ids) if held is None else held
        for identity, target, at, waits in zip(ids, targets, times, held, strict=True):
            self.newest = max(self.newest, at)
            if at <= self.watermark:
                self._apply(identity, target, plan, waits)
            else:
                self._arrivals += 1
                heapq.heappush(self._waiting, (at, self._arrivals, identity, target, waits))
        return self._learned_at

    def _release(self, plan: Plan) -> None:
        """Apply, by date, the labels and the maturities that the watermark has reached."""
        waiting, maturing, now = self._waiting, self._maturing, self.watermark
        while True:
            label = waiting[0][0] if waiting and waiting[0][0] <= now else None
            ripe = maturing[0][0] if maturing and maturing[0][0] <= now else None
            if label is not None and (ripe is None or label <= ripe):
                _, _, identity, target, held = heapq.heappop(waiting)
                self._apply(identity, target, plan, held)
            elif ripe is not None:
                _, row, identity = heapq.heappop(maturing)
                if self._pending.get(identity) != row or identity in self._taught:
                    continue
                if self._otherwise is None and identity not in self._judged:
                    self._retire(identity, None)
                else:
                    judged = identity in self._judged
                    if not judged:
                        self._held.add(identity)
                    found = self._judged.pop(identity, self._otherwise)
                    assert found is not None
                    outcome: Outcome = "joined" if judged else "matured"
                    self._settle(row, identity, found, plan, outcome)
            else:
                break
        for identity in list(self._pending):
            if self._correctable is None or identity not in self._taught:
                break
            if self._matured[identity] + self._correctable > now:
                break
            self._retire(identity, self._taught.pop(identity))

    def _forget_settled(self) -> None:
        """Drop the maturities of events that no longer wait."""
        pending = self._pending
        self._maturing = [entry for entry in self._maturing if pending.get(entry[2]) == entry[1]]
        heapq.heapify(self._maturing)

    def _apply(self, identity: str, target: Target | None, plan: Plan, held: bool) -> None:
        if identity in self._settled:
            self._count_again(self._settled[identity], target)
            return
        if identity in self._taught:
            said = self._taught[identity]
            self._count_again(said, target)
            if held and identity not in self._held:
                return
            (self._held.add if held else self._held.discard)(identity)
            if target is not None and target != said:
                self._taught[identity] = target
                plan.learn(self._pending[identity], target)
                self._learned_at.append(float("nan"))
            return
        known = self._judged if identity in self._judged else self._early
        first = identity not in known or identity in self._held
        self._count_again(known.get(identity), target)
        if held and not first:
            return
        self._held.discard(identity)
        if target is None:
            known.pop(identity, None)
            return
        if held:
            self._held.add(identity)
        row = self._pending.get(identity)
        if row is None:
            self.outcomes["early"] += identity not in self._early
            self._early[identity] = target
            if len(self._early) > self._remember:
                oldest, _ = self._early.popitem(last=False)
                self._held.discard(oldest)
                self.outcomes["orphan"] += 1
        elif first and not held and self.watermark >= self._opens:
            self._judged.pop(identity, None)
            self._settle(row, identity, target, plan)
        else:
            self._judged[identity] = target

    def _count_again(self, known: Target | None, target: Target | None) -> None:
        if known is not None:
            again = target is not None and known == target
            self.outcomes["duplicate" if again else "revised"] += 1

    def _settle(
        self, row: int, identity: str, target: Target, plan: Plan, outcome: Outcome = "joined"
    ) -> None:
        plan.learn(row, target)
        self._learned_at.append(self.watermark)
        self.outcomes[outcome] += 1
        if self._correctable is None:
            self._retire(identity, target)
        else:
            self._taught[identity] = target

    def _retire(self, identity: str, target: Target | None) -> None:
        del self._pending[identity]
        self._held.discard(identity)
        self._settled[identity] = target
        if len(self._settled) > self._remember:
            self._settled.popitem(last=False)

    def state(self) -> State:
        """Everything remembered, for an image."""
        return {
            "arrivals": self._arrivals,
            "watermark": self.watermark,
            "newest": self.newest,
            "pending": list(self._pending.items()),
            "maturing": self._maturing,
            "waiting": self._waiting,
            "early": list(self._early.items()),
            "settled": list(self._settled.items()),
            "judged": list(self._judged.items()),
            "held": sorted(self._held),
            "taught": list(self._taught.items()),
            "matured": list(self._matured.items()),
            "opens": self._opens,
            "outcomes": dict(self.outcomes),
        }

    def restore(self, state: State) -> None:
        """Take over what another joiner of the same declaration remembered."""
        self._arrivals = state["arrivals"]
        self.watermark = state["watermark"]
        self.newest = state["newest"]
        self._pending = OrderedDict(state["pending"])
        self._maturing = [(at, row, identity) for at, row, identity in state["maturing"]]
        self._waiting = [(*label,) for label in state["waiting"]]
        self._early = OrderedDict(state["early"])
        self._settled = OrderedDict(state["settled"])
        self._judged = dict(state["judged"])
        self._held = set(state["held"])
        self._taught = dict(state["taught"])
        self._matured = dict(state["matured"])
        self._opens = state["opens"]
        self.outcomes = Counter(state["outcomes"])
