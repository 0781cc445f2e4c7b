"""What becomes known of payments, by whom and when: the labels of the simulated stream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streams.payments import DAY_MS, Payments, SimulationError, check_share

__all__ = ["SOURCES", "Chargebacks", "LabelPlan"]

SOURCES = ("chargeback", "investigator")
_CHARGEBACK, _INVESTIGATOR = range(len(SOURCES))
_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Chargebacks:
    """The labels that one day's payments will get, as columns, in no order.

    Attributes:
        payment: int64[n], the row of `Payments` each is about.
        at: int64[n], when it becomes known, milliseconds since 1970; later than the payment.
        fraud: bool[n].
        source: int64[n], places in `SOURCES`.
    """

    payment: NDArray[np.int64]
    at: NDArray[np.int64]
    fraud: NDArray[np.bool_]
    source: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelPlan:
    """Who finds out what, and how long it takes. The last label of a payment is the truth.

    By default each fraud is charged back after one to seven days and the rest is silence, which
    the pipeline matures to genuine.

    Attributes:
        chargeback_days: the least and the greatest delay of a chargeback; uniform in between.
            (7, 60) is what a bank sees, (7, 7) is a fixed week.
        reported: share of frauds that are charged back at all.
        investigated: share of all payments that an investigator looks at, on the next day during
            office hours, and finds fraudulent or genuine; they are not charged back as well.
        mistaken: share of genuine payments that are charged back by mistake, and that an
            investigator corrects one to fourteen days later.
        label_all: give every payment a label, genuine ones after the same delay: no silence.
    """

    chargeback_days: tuple[float, float] = (1, 7)
    reported: float = 1.0
    investigated: float = 0.0
    mistaken: float = 0.0
    label_all: bool = False

    def __post_init__(self) -> None:
        low, high = self.chargeback_days
        if not 0 <= low <= high < float("inf"):
            raise SimulationError(
                f"chargeback_days={self.chargeback_days}",
                "it is the least and the greatest delay in days, neither negative",
                "chargeback_days=(7, 60)",
            )
        for name in ("reported", "investigated", "mistaken"):
            check_share(name, getattr(self, name))

    def of(self, payments: Payments, draw: Callable[[str], np.random.Generator]) -> Chargebacks:
        """The labels of one day's payments; `draw` gives a generator of that day for a noun."""
        n, fraud = len(payments), payments.fraud
        charging, looking, erring = map(draw, ("chargebacks", "investigations", "mistakes"))
        delay = charging.uniform(*self.chargeback_days, n) * DAY_MS
        charged_at = payments.at + np.maximum(delay.astype(np.int64), 1)
        charged = (fraud & (charging.random(n) < self.reported)) | self.label_all

        looked_at = looking.random(n) < self.investigated
        next_day = payments.at // DAY_MS * DAY_MS + DAY_MS
        found_at = next_day + looking.integers(9 * _HOUR_MS, 17 * _HOUR_MS, n)

        mistaken = ~fraud & (erring.random(n) < self.mistaken)
        corrected_at = charged_at + erring.integers(DAY_MS, 14 * DAY_MS, n)

        bank, investigator = np.full(n, _CHARGEBACK), np.full(n, _INVESTIGATOR)
        return _gather(
            (looked_at, found_at, fraud, investigator),
            (charged & ~looked_at, charged_at, fraud, np.where(fraud, bank, investigator)),
            (mistaken, charged_at, ~fraud, bank),
            (mistaken, corrected_at, fraud, investigator),
        )


_Kind = tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]


def _gather(*kinds: _Kind) -> Chargebacks:
    """One set of labels from several: which payments get one, and what it says."""
    return Chargebacks(
        np.concatenate([np.flatnonzero(which) for which, _, _, _ in kinds]),
        np.concatenate([at[which] for which, at, _, _ in kinds]),
        np.concatenate([fraud[which] for which, _, fraud, _ in kinds]),
        np.concatenate([source[which] for which, _, _, source in kinds]),
    )
