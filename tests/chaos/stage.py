"""What faults happen to: a broker, a proxy before it, and two lanes of two workers under load."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from streams.broker import Broker
from streams.properties import HOST
from tests.chaos.lanes import Lane
from tests.chaos.lives import end_all
from tests.chaos.proxy import Proxy
from tests.chaos.verifier import Verdict

__all__ = ["Stage"]


class Stage:
    """A broker with data of its own, for as long as the block lasts.

    Args:
        rate: events a second on each lane.
        directory: for the broker's data and the workers' words.

    Attributes:
        brokers: how plain clients reach it, past the proxy.
        lanes: of this round.
    """

    def __init__(self, rate: float, directory: Path) -> None:
        self.directory = directory
        self.lanes: list[Lane] = []
        self._rate = rate
        port, controller, behind, self._front = _free_ports(4)
        listeners = {
            "PLAINTEXT": (port, port),
            "CONTROLLER": (controller, None),
            "PROXIED": (behind, self._front),
        }
        settings = {
            "listeners": _listed({name: own for name, (own, _) in listeners.items()}),
            "advertised.listeners": _listed(
                {name: told for name, (_, told) in listeners.items() if told is not None}
            ),
            "listener.security.protocol.map": ",".join(f"{name}:PLAINTEXT" for name in listeners),
            "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
        }
        self.broker = Broker(directory / "broker", port, controller, settings=settings)
        self.proxy = Proxy(self._front, behind)
        self.brokers = f"{HOST}:{port}"

    def __enter__(self) -> Stage:
        self.broker.start()
        self.proxy.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()
        self.proxy.stop()
        self.broker.close()

    def raise_curtain(self, name: str, seed: int, kinds: Sequence[str]) -> None:
        """Begin a round: fresh topics, workers in all slots, load; returns once they keep up."""
        front = f"{HOST}:{self._front}"
        self.lanes = [
            Lane(self.brokers, front, kind, f"{name}-{kind}", self._rate, seed, self.directory)
            for kind in kinds
        ]
        for lane in self.lanes:
            lane.start()
        self.settle()

    def clear(self) -> None:
        """End the round whatever state it is in, and verify nothing."""
        for lane in self.lanes:
            lane.abandon()
        self.lanes = []
        end_all()

    def settle(self) -> float:
        """Wait until, in each partition, an event that is sent from now on is predicted.

        Answers how many seconds it took.

        Raises:
            UnexpectedError: it is not within three minutes, or something failed meanwhile.
        """
        began = time.monotonic()
        for lane, ends in [(lane, lane.next_ends()) for lane in self.lanes]:
            lane.catch_up(ends)
        return time.monotonic() - began

    def lower_curtain(self) -> Verdict:
        """End the round: no more load, everything predicted, workers stopped, and verify.

        Raises:
            UnexpectedError: it cannot be ended so.
        """
        for lane in self.lanes:
            lane.load.stop()
        for lane in self.lanes:
            lane.stop()
        verdict = Verdict()
        for lane in self.lanes:
            verdict.add(lane.verdict())
        self.lanes = []
        return verdict


def _listed(ports: Mapping[str, int]) -> str:
    return ",".join(f"{name}://{HOST}:{port}" for name, port in ports.items())


def _free_ports(count: int) -> list[int]:
    """Ports below the range that outgoing connections are given."""
    free: list[int] = []
    for port in iter(partial(random.randrange, 20_000, 32_000), None):
        with suppress(OSError), socket.create_server((HOST, port)):
            free.append(port)
        if len(free) == count:
            break
    return free
