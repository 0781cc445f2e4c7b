"""A small economy of customers and terminals, some of which turn fraudulent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import IntEnum
from functools import cached_property
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from streams.errors import TeachingError
from streams.population import Population

__all__ = [
    "CHANNELS",
    "DAY_MS",
    "Payments",
    "Scenario",
    "SimulationError",
    "World",
    "check_share",
]

DAY_MS = 86_400_000
CHANNELS = ("chip", "contactless", "swipe")

_NOON_S, _SPREAD_S = 43_200.0, 20_000.0
_MONTH_DAYS = 30
_WEEK = np.array([-0.2, -0.2, -0.1, 0.0, 0.5, 1.0, -1.0])
"""Monday to Sunday, sums to zero: seasonality moves payments between days, it adds none."""

_DEVICES, _DEVICE_BELOW = 3, (0.75, 0.95)
_SWIPED, _TAPPED, _TAP_LIMIT_CENTS = 0.04, 0.85, 50_00

_LARGE_CENTS = 220_00
_TERMINALS_A_DAY, _TERMINAL_DAYS = 2 / 10_000, 28
_CUSTOMERS_A_DAY, _CUSTOMER_DAYS = 3 / 5_000, 14
_STOLEN_SHARE, _STOLEN_FACTOR = 1 / 3, 5
_RINGS, _RING_DAYS, _RING_SHARE = 5, 7, 0.004


class SimulationError(TeachingError):
    """A simulation is declared in a way that cannot work."""


class Scenario(IntEnum):
    """Why a payment is fraudulent; 0 is a genuine one. Ground truth, in no message."""

    GENUINE = 0
    LARGE = 1
    TERMINAL = 2
    CUSTOMER = 3
    RING = 4


@dataclass(frozen=True, slots=True)
class Payments:
    """One day's payments as columns, ascending in time; row i is the day's payment number i.

    Attributes:
        at: int64[n], milliseconds since 1970.
        customer, terminal, device: int64[n], numbers that ids are made of.
        cents: int64[n], at least 1.
        channel, category, country: int64[n], places in `CHANNELS`, `CATEGORIES`, `COUNTRIES`.
        scenario: int64[n], a `Scenario`.
    """

    day: int
    at: NDArray[np.int64]
    customer: NDArray[np.int64]
    terminal: NDArray[np.int64]
    device: NDArray[np.int64]
    cents: NDArray[np.int64]
    channel: NDArray[np.int64]
    category: NDArray[np.int64]
    country: NDArray[np.int64]
    scenario: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.at)

    @property
    def fraud(self) -> NDArray[np.bool_]:
        """bool[n]: whether each payment is fraudulent."""
        return np.not_equal(self.scenario, Scenario.GENUINE)


@dataclass(frozen=True, kw_only=True)
class World:
    """What happens: the payments of each day, a pure function of the declaration and the day.

    The rules, with the numbers that make 1.75 million payments, 0.84 % of them fraudulent, are
    those of the Fraud Detection Handbook (Le Borgne et al. 2022, chapter 3.2). Fraud is of three
    kinds: a payment above 220; all payments at a terminal compromised for 28 days; a third of the
    payments, five times as large, of a customer compromised for 14 days. The last one named wins.
    How many are compromised a day grows with the population, so a small world has the same share
    of fraud. A customer without a terminal within the radius uses the nearest one.

    Attributes:
        seed: source of all randomness. Each noun and day draws from a generator of its own: days
            can be made in any order, and neither `onset` nor `inflation`, nor how the payments
            are told of, changes which payments are made.
        radius: how far customers go; the map is 100 by 100.
        onset: day on which a new kind of fraud begins: five devices, new ones each week, make
            0.4 % of all payments, of usual amounts, on anybody's account.
        inflation: growth of all amounts in 30 days (0.02: 2 %), compounded daily, after the rules
            above were applied: the share of fraud stays, what it looks like moves.
        weekly: 0..1, how strongly the weekday moves the number of payments; at 1 nobody pays
            on a Sunday.
        skew: share of all payments made by the first customer (who is never compromised).
    """

    seed: int = 7
    customers: int = 5_000
    terminals: int = 10_000
    start: date = date(2026, 1, 1)
    days: int = 183
    radius: float = 5.0
    onset: int | None = None
    inflation: float = 0.0
    weekly: float = 0.0
    skew: float = 0.0

    def __post_init__(self) -> None:
        for name in ("customers", "terminals", "days"):
            if (given := getattr(self, name)) < 1:
                raise SimulationError(
                    f"{name}={given}", "there would be nobody to pay, or no time", f"{name}=100"
                )
        if self.seed < 0:
            raise SimulationError(
                f"seed={self.seed}", "generators take no negative seed", f"seed={-self.seed}"
            )
        if not self.radius >= 0:
            raise SimulationError(f"radius={self.radius}", "it is a distance", "radius=5")
        if self.onset is not None and not 0 <= self.onset < self.days:
            raise SimulationError(
                f"onset={self.onset} with days={self.days}",
                f"the days are 0 to {self.days - 1}: the new fraud would never be seen",
                f"onset={self.days // 2}",
            )
        if not self.inflation > -1:
            raise SimulationError(
                f"inflation={self.inflation}",
                "it is what amounts grow by in a month; -1 leaves no money",
                "inflation=0.02",
            )
        check_share("weekly", self.weekly)
        check_share("skew", self.skew, below_one=True)
        if self.skew and self.customers == 1:
            raise SimulationError(
                f"skew={self.skew} with customers=1",
                "one customer makes all the payments as it is",
                "customers=100",
            )

    @cached_property
    def start_ms(self) -> int:
        """Midnight (UTC) of the first day, in milliseconds since 1970."""
        return int(datetime.combine(self.start, time(), UTC).timestamp()) * 1000

    def payments(self, day: int) -> Payments:
        """The payments of one day, counted from 0."""
        people = self._population
        draw = self.draw("payments", day)
        season = 1 + self.weekly * _WEEK[(self.start.weekday() + day) % 7]
        customer = np.repeat(np.arange(self.customers), draw.poisson(people.rate * season))
        second = draw.normal(_NOON_S, _SPREAD_S, len(customer))
        awake = np.flatnonzero((second >= 0) & (second < 86_400))
        order = awake[np.argsort(second[awake], kind="stable")]
        customer, millisecond = customer[order], (second[order] * 1000).astype(np.int64)
        n = len(customer)

        mean = people.mean[customer]
        amount = draw.normal(mean, mean / 2)
        amount = np.where(amount < 0, draw.random(n) * 2 * mean, amount)
        cents = np.maximum(np.rint(amount * 100).astype(np.int64), 1)
        choice = (draw.random(n) * people.reached[customer]).astype(np.int64)
        terminal = people.terminal[people.first[customer] + choice]

        details = self.draw("details", day)
        device = customer * _DEVICES + np.searchsorted(_DEVICE_BELOW, details.random(n))
        scenario, cents, device = self._defraud(day, customer, terminal, cents, device)
        swiped = details.random(n) < _SWIPED
        tapped = (details.random(n) < _TAPPED) & (cents < _TAP_LIMIT_CENTS)
        growth = (1 + self.inflation) ** (day / _MONTH_DAYS)
        return Payments(
            day=day,
            at=self.start_ms + day * DAY_MS + millisecond,
            customer=customer,
            terminal=terminal,
            device=device,
            cents=np.maximum(np.rint(cents * growth).astype(np.int64), 1),
            channel=np.where(swiped, 2, np.where(tapped, 1, 0)),
            category=people.category[terminal],
            country=people.country[terminal],
            scenario=scenario,
        )

    def draw(self, noun: str, day: int = 0) -> np.random.Generator:
        """The source of randomness for one noun on one day."""
        return np.random.default_rng((self.seed, crc32(noun.encode()), day))

    def _defraud(
        self,
        day: int,
        customer: NDArray[np.int64],
        terminal: NDArray[np.int64],
        cents: NDArray[np.int64],
        device: NDArray[np.int64],
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """The scenario of each payment, and the amounts and devices that fraud changes."""
        scenario = np.where(cents > _LARGE_CENTS, Scenario.LARGE, Scenario.GENUINE)
        bad = self._compromised("terminals", day, _TERMINALS_A_DAY, _TERMINAL_DAYS, self.terminals)
        scenario[bad[terminal]] = Scenario.TERMINAL

        bad = self._compromised("customers", day, _CUSTOMERS_A_DAY, _CUSTOMER_DAYS, self.customers)
        bad[0] &= not self.skew
        stolen = bad[customer] & (self.draw("theft", day).random(len(cents)) < _STOLEN_SHARE)
        scenario[stolen] = Scenario.CUSTOMER
        cents = np.where(stolen, cents * _STOLEN_FACTOR, cents)

        if self.onset is not None and day >= self.onset:
            ring = self.draw("rings", day)
            genuine = scenario == Scenario.GENUINE
            caught = genuine & (ring.random(len(cents)) < _RING_SHARE)
            first = _DEVICES * self.customers + day // _RING_DAYS * _RINGS
            device = np.where(caught, first + ring.integers(_RINGS, size=len(cents)), device)
            scenario[caught] = Scenario.RING
        return scenario, cents, device

    def _compromised(
        self, noun: str, day: int, rate: float, lasting: int, of: int
    ) -> NDArray[np.bool_]:
        """bool[of]: who is compromised on this day, having been drawn on one of the last days."""
        bad = np.zeros(of, np.bool_)
        for since in range(max(0, day - lasting + 1), day + 1):
            fresh = round((since + 1) * rate * of) - round(since * rate * of)
            bad[self.draw(noun, since).choice(of, fresh, replace=False)] = True
        return bad

    @cached_property
    def _population(self) -> Population:
        return Population.settle(
            self.draw("population"), self.customers, self.terminals, self.radius, self.skew
        )


def check_share(name: str, given: float, *, below_one: bool = False) -> None:
    """Refuse what is no share of anything.

    Raises:
        SimulationError: `given` is not between 0 and 1.
    """
    if not 0 <= given <= 1 or (below_one and given == 1):
        raise SimulationError(
            f"{name}={given}",
            f"it is a share: from 0 up to {'but without ' if below_one else ''}1",
            f"{name}=0.05",
        )
