"""Ends a worker that stands still although there is work, for its supervisor to start it again.

A thread looks on, so a blocked event loop or a computation that never ends is found as well. Where
the computation lets no other thread run, a timer of processor time ends the process.
"""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from threading import Event, Thread, Timer
from typing import TYPE_CHECKING, Any

import aiokafka
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from streams.app import ReadingFlow
from streams.cores import core_count
from streams.observer import Observer, Step
from streams.stillness import Places, Standing, Stillness

if TYPE_CHECKING:
    from streams.pipeline import Pipeline

__all__ = ["EXIT_CODE", "Watchdog", "asking", "reading"]

log = logging.getLogger("thalweg")

EXIT_CODE = 70
"""Of a worker that stood still; EX_SOFTWARE in sysexits.h."""

_LOOKS = 10
_ANSWER_S = 5.0
_LAST_WORDS_S = 5.0


class Watchdog(Observer):
    """Looks ten times in `limit` seconds whether partitions that are behind get on.

    Time counts by looks: one in which the process was stopped, or had no processor, is one look.
    It counts only while the partition's brokers answer over a new connection. If they do not, a
    restart would not help, and what they owe us is given the whole time again once they do; if they
    do, it is this worker, perhaps its own connection, that hangs.

    Args:
        read: where the partitions of the worker stand in their topics.
        answers: whether the brokers of these partitions answer; asked while one stands still.
        limit: seconds; 0 watches nothing.
        leave: ends the process; is told which partitions are stuck, and why in a text.
    """

    def __init__(
        self,
        read: Callable[[], Mapping[int, Places]],
        answers: Callable[[Sequence[int]], bool],
        limit: float,
        leave: Callable[[str], None] | None = None,
    ) -> None:
        self._read = read
        self._answers = answers
        self._limit = limit
        self._leave = leave or _leave
        self._stillness = Stillness(_LOOKS)
        self._left: dict[int, int] = {}
        self._step: dict[int, Step] = {}
        self._steps: Counter[int] = Counter()
        self._committed: dict[int, float] = {}
        self._answering = True
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="watchdog", daemon=True)

    def on_step(self, partition: int, step: Step) -> None:
        """Note that a transaction gets on."""
        self._step[partition] = step
        self._steps[partition] += 1
        if step == "committed":
            self._committed[partition] = time.monotonic()

    def on_recovery(self, partition: int, left: int) -> None:
        """Note that a recovery gets on."""
        self._left[partition] = left

    def on_revoked(self, partitions: Sequence[int]) -> None:
        """Forget what is no longer ours."""
        for number in partitions:
            for known in (self._left, self._step, self._steps, self._committed):
                known.pop(number, None)

    def start(self) -> None:
        """Begin to watch."""
        if self._limit:
            faulthandler.register(signal.SIGPROF, chain=True)
            self._set_timer()
            self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
        if self._thread.ident is not None:
            self._stopping.set()
            self._thread.join()
            signal.setitimer(signal.ITIMER_PROF, 0)
            faulthandler.unregister(signal.SIGPROF)

    def look(self) -> None:
        """Take a look, and end the process if a partition is stuck."""
        still = self._stillness.look(self._standings())
        answering = not still or self._answers(still)
        if not answering:
            self._stillness.forgive(still)
            if self._answering:
                log.warning("partitions %s stand still, for Kafka does not answer", still)
        elif stuck := self._stillness.stuck():
            self._leave(self._told(stuck))
        self._answering = answering

    def _run(self) -> None:
        blind = 0
        while not self._stopping.wait(self._limit / _LOOKS):
            self._set_timer()
            try:
                self.look()
            except Exception:  # what is read belongs to other threads, and a rebalance changes it
                blind += 1
                if blind == _LOOKS:
                    log.warning("the watchdog sees nothing", exc_info=True)
            else:
                blind = 0

    def _set_timer(self) -> None:
        # All cores may be busy between two looks. Only a process that computes and does not let
        # this thread run gets to the end of the timer; one that is stopped uses no processor.
        signal.setitimer(signal.ITIMER_PROF, self._limit * max(1.0, core_count() / 2))

    def _standings(self) -> list[Standing]:
        places = self._read()
        numbers = sorted({*places, *self._left, *self._step})
        return [
            Standing(
                number,
                places.get(number, {}),
                self._left.get(number, 0),
                self._steps[number],
                self._step.get(number, "committed") not in ("begun", "committed"),
            )
            for number in numbers
        ]

    def _told(self, stuck: Sequence[Standing]) -> str:
        now = time.monotonic()
        lines = [f"Nothing has moved for {self._limit:g} s, while Kafka answers:"]
        for one in stuck:
            places = [
                f"{topic} at {at:,}{'' if end is None else f' of {end:,}'}"
                for topic, (at, end) in one.places.items()
            ]
            recovering = [f"{one.left:,} offsets to compute again"] if one.left else []
            since = self._committed.get(one.partition)
            age = "no commit yet" if since is None else f"last commit {now - since:.0f} s ago"
            step = self._step.get(one.partition)
            at_step = [f"transaction at {step!r}"] if step else []
            told = ", ".join([*places, *recovering, age, *at_step])
            lines.append(f"  partition {one.partition}: {told}")
        lines.append(f"The worker ends with {EXIT_CODE}; below is what its threads were doing.")
        return "\n".join(lines)


def reading(pipeline: Pipeline) -> Callable[[], Mapping[int, Places]]:
    """Where the partitions that the pipeline's app has stand.

    Labels that are paused are ahead of their events, and may wait. Events that are paused wait for
    their labels, which have to come: the pair is stuck if neither moves.

    Args:
        pipeline: whose app is connected.
    """
    app, deltas = pipeline.app, pipeline.deltas_topic
    flow = ReadingFlow(app)
    labels = None if pipeline.label_topic is None else pipeline.label_topic.topic

    def end(topic: str, number: int) -> int | None:
        if topic == deltas:
            return app.host.deltas_end
        waits = topic == labels and flow.is_paused(topic, number)
        return None if waits else flow.end(topic, number)

    def read() -> Mapping[int, Places]:
        return {
            number: {
                topic: (at, end(topic, number))
                for topic, at in dict(partition.task.positions).items()
            }
            for number, partition in dict(app.host.partitions).items()
        }

    return read


def asking(client: Mapping[str, Any], topics: Sequence[str]) -> Callable[[Sequence[int]], bool]:
    """A question to the brokers that lead the given partitions of `topics`, each time anew.

    Args:
        client: connection options of aiokafka.
        topics: that the worker reads.
    """

    async def ask(partitions: Sequence[TopicPartition]) -> None:
        consumer = aiokafka.AIOKafkaConsumer(**client)
        try:
            async with asyncio.timeout(_ANSWER_S):
                await consumer.start()
                await consumer.end_offsets(partitions)
        finally:
            await consumer.stop()

    def answers(numbers: Sequence[int]) -> bool:
        asked = [TopicPartition(topic, number) for topic in topics for number in numbers]
        try:
            asyncio.run(ask(asked))
        except (KafkaError, OSError, TimeoutError):
            return False
        return True

    return answers


def _leave(why: str) -> None:
    # What holds up the worker may hold the lock of the log as well.
    Timer(_LAST_WORDS_S, os._exit, (EXIT_CODE,)).start()
    log.error("%s", why)
    faulthandler.dump_traceback()
    os._exit(EXIT_CODE)
