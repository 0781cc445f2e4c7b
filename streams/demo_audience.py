"""Who watches the demonstration: sees what there is to see, and notices when nothing moves."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from rich.console import Console
from rich.text import Text

from streams.demo_process import DemoError, DemoProcess
from streams.demo_screen import Scene, Sight, shown
from streams.demo_summary import Summary
from streams.feed import Feed
from streams.readback import ReadBack
from streams.readings import scrape

__all__ = ["Audience"]

_TICK_S, _SIGHT_S, _READING_S, _STILL_S = 0.2, 0.5, 1.0, 30.0


class Audience:
    """Looks at the feed, at the worker's metrics and at its predictions.

    Args:
        scene: what is seen is put there.
        worker: that runs.
        feed: what it gets.
        back: what it makes of that.
        maturity: seconds after which a payment without a label counts as genuine.
        beside: what else there is to say now, see `Scene.beside`.
    """

    def __init__(
        self,
        scene: Scene,
        worker: DemoProcess,
        feed: Feed,
        back: ReadBack,
        maturity: float,
        beside: Callable[[], Mapping[str, Text]] = dict,
    ) -> None:
        self._scene = scene
        self._worker = worker
        self._feed = feed
        self._back = back
        self._maturity = maturity
        self._beside = beside
        self._turn = 0
        self._moved_at = time.monotonic()
        self._seen: tuple[int, int, int] | None = None

    def watch(self, console: Console) -> Summary:
        """Show all of it: until each payment has its prediction, and what was learned is measured.

        Raises:
            DemoError: it came to a halt before.
        """
        began = time.monotonic()
        sight_due = reading_due = began
        with shown(self._scene, console) as show:
            while not self._over():
                now = time.monotonic()
                self._scene.seconds = now - began
                if now >= sight_due:
                    sight_due = now + _SIGHT_S
                    self._look()
                if now >= reading_due:
                    reading_due = now + _READING_S
                    reading = scrape(self._scene.metrics)
                    if reading is not None:
                        self._scene.meter.add(reading)
                    self._scene.beside = self._beside()
                show()
                self._check(now)
                time.sleep(_TICK_S)
        return Summary.of(self._scene, self._feed, self._back)

    def _look(self) -> None:
        """By turns the riskiest and the newest prediction; and what became known of the others."""
        found = self._back.take()
        if found is None:
            return
        riskiest, newest = found
        one = newest if self._turn % 2 else riskiest
        self._turn += 1
        self._scene.now = now = newest.at
        self._scene.sights.append(Sight(one, self._feed.amount(one.id or "")))
        for sight in self._scene.sights:
            sight.fraud = self._feed.verdict(sight.prediction.id or "", now)
            if sight.fraud is None and (now - sight.prediction.at).total_seconds() > self._maturity:
                sight.fraud = False

    def _over(self) -> bool:
        reading = self._scene.meter.last
        return (
            self._feed.over
            and reading is not None
            and self._back.count + reading.dead_letters >= self._feed.payments
            # The worker counts at once, and measures every second.
            and reading.quality.get("labels", 0) == reading.learned
        )

    def _check(self, now: float) -> None:
        for part in (self._feed, self._back):
            if part.failure is not None:
                raise DemoError(str(part.failure))
        if self._worker.ended is not None:
            raise DemoError(f"The worker ended by itself:\n{self._worker.last_words()}")
        reading = self._scene.meter.last
        seen = (self._feed.payments, self._back.count, 0 if reading is None else reading.learned)
        if seen != self._seen:
            self._seen, self._moved_at = seen, now
        elif now - self._moved_at > _STILL_S:
            raise DemoError(
                f"Nothing has moved for {_STILL_S:.0f} s: {seen[0]:,} payments sent, "
                f"{seen[1]:,} predictions read.\n{self._worker.last_words()}"
            )
