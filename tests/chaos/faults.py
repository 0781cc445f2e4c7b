"""Every kind of fault, by name: what is done to the stage, and when it is over.

A fault is a function of the stage and a source of chance; it returns when its cause is over, with
what it chose, in a few words. Getting over it is the system's task, and is waited for elsewhere.
"""

from __future__ import annotations

import random
import resource
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from tests.chaos.damage import damage_newest, has_older
from tests.chaos.lanes import PARTITIONS, SESSION_S, TRANSACTION_S
from tests.chaos.proxy import share_of
from tests.chaos.slots import Slot, UnexpectedError
from tests.chaos.stage import Stage
from tests.chaos.traffic import ALONE, MIXING

__all__ = ["FAULTS", "Fault"]

Inject: TypeAlias = Callable[[Stage, random.Random], str]

_STEPS = ("begun", "sent", "imaged", "journalled", "offsets", "committed")
_QUICK = 3
_FENCED_S = 10.0
_LOOK_S = 0.01


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of fault.

    Attributes:
        inject: does it.
        weight: its share of all faults; what takes long has a small one.
        lanes: in `tests.chaos.traffic.KINDS`, those it happens to.
    """

    inject: Inject
    weight: float
    lanes: Sequence[str] = ALONE


def kill(stage: Stage, draw: random.Random) -> str:
    """kill -9 of one worker, at any moment."""
    slot = draw.choice(draw.choice(stage.lanes).slots)
    time.sleep(draw.uniform(0, 0.5))
    slot.kill()
    return str(slot)


def kill_twice(stage: Stage, draw: random.Random) -> str:
    """kill -9 of one worker, and of the one after it while that recovers."""
    slot = draw.choice(draw.choice(stage.lanes).slots)
    first = slot.life
    slot.kill()
    while slot.life is first:
        time.sleep(_LOOK_S)
    moment = draw.uniform(0, 1.5)
    time.sleep(moment)
    slot.kill()
    return f"{slot}, again after {moment:.2f} s"


def kill_both(stage: Stage, draw: random.Random) -> str:
    """kill -9 of both workers of a lane."""
    lane = draw.choice(stage.lanes)
    for slot in lane.slots:
        slot.life.signal(signal.SIGKILL)
    for slot in lane.slots:
        slot.kill()
    return lane.pipeline.name


def kill_at(step: str, stage: Stage, draw: random.Random) -> str:
    """kill -9 by the worker itself, at a named step of a commit."""
    slot = draw.choice(draw.choice(stage.lanes).slots)
    occurrence = draw.randint(1, 6)
    life = slot.life
    life.order("die_at", step, occurrence)
    slot.await_end(life)
    return f"{slot}, at its {occurrence}. from then"


def pause(seconds: float, stage: Stage, draw: random.Random) -> str:
    """SIGSTOP for so long, then SIGCONT: others have its partitions by then, and it finds out."""
    slot = draw.choice(draw.choice(stage.lanes).slots)
    return f"{slot} for {seconds:g} s, {_paused([slot], seconds)} left"


def pause_in_transaction(stage: Stage, draw: random.Random) -> str:
    """SIGSTOP of both for longer than a transaction may last: the broker aborts theirs."""
    lane, seconds = draw.choice(stage.lanes), TRANSACTION_S + 3
    return f"{lane.pipeline.name} for {seconds:g} s, {_paused(lane.slots, seconds)} left"


def _paused(slots: Sequence[Slot], seconds: float) -> int:
    """Stop their workers for so long; answers how many end by themselves, having woken up."""
    zombies = [slot.life for slot in slots]
    for zombie in zombies:
        zombie.signal(signal.SIGSTOP)
    time.sleep(seconds)
    for zombie in zombies:
        zombie.signal(signal.SIGCONT)
    deadline = time.monotonic() + _FENCED_S
    return sum(zombie.ends_within(max(0, deadline - time.monotonic())) for zombie in zombies)


def out_of_memory(stage: Stage, draw: random.Random) -> str:
    """No more memory for the worker (RLIMIT_AS), and kill -9 if it goes on with that."""
    slot = draw.choice(draw.choice(stage.lanes).slots)
    life, least = slot.life, draw.choice([64, 1 << 10, 16 << 10, 1 << 20])
    life.order("exhaust_memory", least)
    ended = "ended by itself" if life.ends_within(draw.uniform(1, 4)) else "killed"
    slot.kill_life(life)
    return f"{slot}, less than {least} bytes in a piece, {ended}"


def claim(stage: Stage, draw: random.Random) -> str:
    """A second worker in a slot: one of the two is fenced, and leaves."""
    lane = draw.choice(stage.lanes)
    place = draw.randrange(len(lane.slots))
    slot, rival = lane.slots[place], lane.slot(str(place))
    slot.wanted = False
    rival.start()
    holder, claimant = slot.life, rival.life
    lane.until(
        lambda: not (holder.lasts and claimant.lasts), f"one of two in {slot} leaves", seconds=60
    )
    leaver, left = ("the claimant", claimant) if holder.lasts else ("the holder", holder)
    code = left.code
    if code == 0:
        raise UnexpectedError(f"{leaver} of {slot} was fenced and ended with 0")
    if left is holder:
        rival.ask_to_stop()
        rival.await_stop()
        slot.start()
    slot.wanted = True
    return f"{slot}: {leaver} left with {code}"


def shift_clock(seconds: float, stage: Stage, draw: random.Random) -> str:
    """The wall clock of one worker is set, and kill -9 some time after."""
    slot = draw.choice(draw.choice(stage.lanes).slots)
    life = slot.life
    life.order("shift_clock", seconds)
    time.sleep(draw.uniform(0.5, 2))
    slot.kill_life(life)
    return f"{slot} by {seconds:+g} s"


def storm(stage: Stage, draw: random.Random) -> str:
    """A third worker joins and leaves every two seconds."""
    lane = draw.choice(stage.lanes)
    rounds = draw.randint(2, 4)
    for _ in range(rounds):
        guest = lane.slot(None)
        guest.start()
        time.sleep(2)
        if draw.random() < 0.5:
            guest.ask_to_stop()
            guest.await_stop()
        else:
            guest.kill()
    return f"{lane.pipeline.name}, {rounds} times"


def kill_broker(stage: Stage, draw: random.Random) -> str:
    """kill -9 of the broker, and a start on the same data."""
    time.sleep(draw.uniform(0, 0.5))
    with _closed(stage, chosen=True):
        stage.broker.kill()
        stage.broker.start()
    return "started again"


def stop_broker(seconds: float, stage: Stage, draw: random.Random) -> str:
    """The broker is shut down for a while; who connects is refused, or taken and reset at once."""
    refused = draw.random() < 0.5
    with _closed(stage, refused):
        stage.broker.stop()
        time.sleep(seconds)
        stage.broker.start()
    return f"for {seconds:g} s, connections {'refused' if refused else 'reset'}"


@contextmanager
def _closed(stage: Stage, chosen: bool) -> Iterator[None]:
    """The proxy listens no more, if so `chosen`, as where nobody is behind a port."""
    if not chosen:
        yield
        return
    stage.proxy.close()
    try:
        yield
    finally:
        stage.proxy.open()


def slow(stage: Stage, draw: random.Random) -> str:
    """A slow connection: every piece of data takes so long, for some seconds."""
    delay, lasting = draw.uniform(0.02, 0.3), draw.uniform(2, 5)
    stage.proxy.slow_down(delay)
    time.sleep(lasting)
    stage.proxy.slow_down(0)
    return f"{delay * 1000:.0f} ms for {lasting:.1f} s"


def cut(stage: Stage, draw: random.Random) -> str:
    """Connections are reset; in one of two cases new ones are refused, for up to two seconds."""
    share = draw.choice([0.3, 1.0])
    refused = draw.choice([0.0, draw.uniform(0.1, 2)])
    with _closed(stage, refused > 0):
        links = stage.proxy.cut(share_of(draw, share))
        time.sleep(refused)
    return f"{links} connections, none new for {refused:.1f} s"


def half_open(stage: Stage, draw: random.Random) -> str:
    """Connections that carry nothing more and are never closed, as behind a dead router."""
    links = 0
    while not links:
        links = stage.proxy.half_open(share_of(draw, draw.choice([0.2, 0.5, 1.0])))
    return f"{links} connections"


def damage(how: str, stage: Stage, draw: random.Random) -> str:
    """The newest image of a partition is damaged while both workers are down."""
    lane, partition = draw.choice(stage.lanes), draw.randrange(PARTITIONS)
    lane.until(lambda: has_older(lane, partition), "there is an image to fall back to")
    for slot in lane.slots:
        slot.wanted = False
        slot.life.signal(signal.SIGKILL)
    for slot in lane.slots:
        slot.kill()
    found = damage_newest(lane, partition, how, draw)
    for slot in lane.slots:
        slot.start()
    return f"{lane.pipeline.name}-{partition}: {found}"


def fill_disk(stage: Stage, draw: random.Random) -> str:
    """No room for images in the store (RLIMIT_FSIZE); then there is again, or kill -9."""
    slot = draw.choice(draw.choice([lane for lane in stage.lanes if lane.store]).slots)
    life, size = slot.life, draw.choice([1, 100, 1_000])
    life.order("limit_files", size)
    time.sleep(draw.uniform(1, 3))
    killed = draw.random() < 0.5
    if killed:
        slot.kill_life(life)
    else:
        life.order("limit_files", resource.RLIM_INFINITY)
    return f"{slot}: {size} bytes a file, {'killed' if killed else 'lifted'}"


def mixing(stage: Stage, draw: random.Random) -> str:
    """kill -9 of one worker or both, as it makes a delta, takes one over, or commits it."""
    lane = draw.choice(stage.lanes)
    slots = draw.choice([lane.slots, [draw.choice(lane.slots)]])
    chosen = [
        (slot, slot.life, draw.choice(["told", "folded", *_STEPS]), draw.randint(1, 8))
        for slot in slots
    ]
    for _, life, step, occurrence in chosen:
        life.order("die_at", step, occurrence)
    for slot, life, _, _ in chosen:
        slot.await_end(life)
    return ", ".join(f"{slot} at its {count}. {step}" for slot, _, step, count in chosen)


def mixed(stage: Stage, draw: random.Random) -> str:
    """Any of those that are soon over."""
    quick = {
        name: fault
        for name, fault in FAULTS.items()
        if fault.weight >= _QUICK and fault.lanes == ALONE and fault.inject is not mixed
    }
    [name] = draw.choices(list(quick), [fault.weight for fault in quick.values()])
    return f"{name}: {quick[name].inject(stage, draw)}"


FAULTS: Mapping[str, Fault] = {
    "kill": Fault(kill, 12),
    **{f"kill at {step}": Fault(partial(kill_at, step), 8) for step in _STEPS},
    "kill twice": Fault(kill_twice, 4),
    "kill both": Fault(kill_both, 8),
    "pause": Fault(partial(pause, SESSION_S + 2), 2),
    "transaction time-out": Fault(pause_in_transaction, 2),
    "broker killed": Fault(kill_broker, 2),
    "broker stopped": Fault(partial(stop_broker, 60), 0.2),
    "rebalance storm": Fault(storm, 1.5),
    "slow connection": Fault(slow, 3),
    "cut connection": Fault(cut, 6),
    "half-open connection": Fault(half_open, 0.5),
    "clock back an hour": Fault(partial(shift_clock, -3_600), 4),
    "clock forward a day": Fault(partial(shift_clock, 86_400), 4),
    "out of memory": Fault(out_of_memory, 5),
    "disk full": Fault(fill_disk, 3),
    **{
        f"checkpoint {how}": Fault(partial(damage, how), 3)
        for how in ("corrupted", "truncated", "older version")
    },
    "slot claimed twice": Fault(claim, 2),
    "mixed": Fault(mixed, 20),
    "mixing": Fault(mixing, 10, MIXING),
}
"""By name, the kinds of faults."""
