"""What an alert budget keeps and finds, on the fraud handbook's payments.

``python -m benchmarks.alerts handbook_raw.parquet`` scores all payments before the handbook's test
week, each label known seven days after its payment, spends several budgets on the scores, one alert
a card and day, and counts over the last five weeks. Beside them stands what the same number of
alerts would have found if the highest scores of the day had been known beforehand.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec
import numpy as np
import pyarrow.parquet as parquet
from numpy.typing import NDArray

from models import AdaGrad, Clock, Cross, Hashed, Logistic, Number, Window
from models.alerting import DAY
from models.alerts import Alerts
from streams import Event, Labels, Pipeline, Topic
from streams.backtesting import backtest
from streams.slices import Slice
from streams.task import PartitionTask

BUDGETS = (20, 100, 500)
_END = np.datetime64("2018-08-08")
_COUNTED_DAYS = 35
_DELAY = timedelta(days=7)
_SLICE = 4_096


class Payment(Event, frozen=True):
    tx_id: str
    at: datetime
    customer_id: str
    terminal_id: str
    amount: float


class Verdict(Event, frozen=True):
    tx_id: str
    fraud: Literal[0, 1]
    at: datetime


PIPELINE = Pipeline(
    name="alerts",
    events=Topic("payments", schema=Payment, id="tx_id", key="customer_id", time="at"),
    labels=Labels("verdicts", schema=Verdict, id="tx_id", value="fraud", time="at"),
    features=[
        Number("amount", scale="log"),
        Clock("at", ["hour", "weekday"]),
        Hashed("terminal_id"),
        Hashed("customer_id"),
        Cross("customer_id", "terminal_id"),
        Window(
            "amount", by="customer_id", over=["1d", "7d", "30d"], stats=["count", "mean", "ratio"]
        ),
        Window(by="terminal_id", over=["1d", "7d", "30d"], stats=["count"]),
    ],
    model=Logistic(bits=20, optimizer=AdaGrad(1.0), l2=0.001),
)


class Scored(NamedTuple):
    """Payments in order of time: their scores, cards, times in microseconds, and frauds."""

    score: NDArray[np.float64]
    card: NDArray[np.int64]
    micros: NDArray[np.int64]
    fraud: NDArray[np.bool_]


class _Answer(msgspec.Struct):
    score: float


def scored(file: Path) -> Scored:
    """The payments of the file with the score that each had when it came."""
    table = parquet.read_table(file)
    when = table.column("TX_DATETIME").to_numpy().astype("datetime64[us]")
    n = int(np.searchsorted(when, _END))
    card, terminal, amount, fraud = (
        table.column(name).to_numpy()[:n].tolist()
        for name in ("CUSTOMER_ID", "TERMINAL_ID", "TX_AMOUNT", "TX_FRAUD")
    )
    times = [time.replace(tzinfo=UTC) for time in when[:n].tolist()]
    ids = [f"p{number}" for number in range(n)]
    payments = map(
        Payment, ids, times, (f"c{it}" for it in card), (f"t{it}" for it in terminal), amount
    )
    verdicts = map(Verdict, ids, fraud, (time + _DELAY for time in times))
    score = asyncio.run(_run(payments, verdicts))
    return Scored(
        np.array(score), np.array(card, int), when[:n].astype(np.int64), np.array(fraud, bool)
    )


async def _run(payments: Iterable[Payment], verdicts: Iterable[Verdict]) -> list[float]:
    task = PartitionTask(PIPELINE, 0)
    task.positions = dict.fromkeys(PIPELINE.input_topics, 0)
    score: list[float] = []
    decode = msgspec.json.Decoder(_Answer).decode_lines
    events, labels = (
        _slices(topic, list(map(msgspec.json.encode, records)))
        for topic, records in zip(PIPELINE.input_topics, (payments, verdicts), strict=True)
    )
    async for _, output in backtest(task, events, labels):
        score += [it.score for it in decode(b"\n".join(map(bytes, output.predictions.values)))]
    return score


async def _slices(topic: str, values: Sequence[bytes]) -> AsyncIterator[Slice]:
    for start in range(0, len(values), _SLICE):
        part = values[start : start + _SLICE]
        end = start + len(part)
        none = [None] * len(part)
        yield Slice(topic, 0, start, end, range(start, end), none, part, [0] * len(part))


def line(payments: Scored, budget: int) -> str:
    """A row of the table."""
    keys = [str(card) for card in payments.card.tolist()]
    alert = Alerts(budget, 0.5).decide(payments.score, keys, payments.micros).alert
    day = payments.micros // DAY
    counts, found, best = [], [], []
    for one in range(int(day[-1]) - _COUNTED_DAYS + 1, int(day[-1]) + 1):
        today = Scored(*(column[day == one] for column in payments))
        bad = np.unique(today.card[today.fraud])
        raised = today.card[alert[day == one]]
        order = today.card[np.argsort(-today.score, kind="stable")]
        highest = order[np.sort(np.unique(order, return_index=True)[1])][:budget]
        counts.append(len(raised))
        found.append(np.isin(raised, bad).mean())
        best.append(np.isin(highest, bad).mean())
    ratio = np.mean(found) / np.mean(best)
    return (
        f"| {budget} | {min(counts)} | {np.mean(counts):.1f} | {max(counts)} "
        f"| {np.mean(found):.3f} | {np.mean(best):.3f} | {ratio:.1%} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="the handbook's payments, as Parquet")
    payments = scored(parser.parse_args().file)
    print("| alerts a day: budget | fewest | mean | most | card precision | in hindsight | of it |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    for budget in BUDGETS:
        print(line(payments, budget))


if __name__ == "__main__":
    main()
