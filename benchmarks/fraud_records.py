"""The handbook's payments, and the complaints about them, as records of topics."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.fraud_pipelines import Payment
from benchmarks.handbook import DELAY_DAYS, Payments
from streams.chunks import Chunk
from streams.columns import Fields, types_of
from streams.schema import Label
from streams.sources import open_source

__all__ = ["labels", "payments"]

_COLUMNS = {
    "TRANSACTION_ID": "tx_id",
    "TX_DATETIME": "at",
    "CUSTOMER_ID": "customer_id",
    "TERMINAL_ID": "terminal_id",
    "TX_AMOUNT": "amount",
}


def payments(file: Path) -> Iterator[Chunk]:
    """The records of the events topic: the file's columns that a bank knows at once."""
    fields = Fields("customer_id", "at", _COLUMNS, list(_COLUMNS.values()), types_of(Payment))
    yield from open_source(str(file), fields)


def labels(known: Payments) -> Chunk:
    """The records of the labels topic: each fraud, when it becomes known."""
    at = known.at[known.fraud] + np.timedelta64(DELAY_DAYS, "D")
    ids, customers = known.id[known.fraud].tolist(), known.customer[known.fraud].tolist()
    values = [
        msgspec.json.encode(Label(str(name), 1, date.replace(tzinfo=UTC)))
        for name, date in zip(ids, at.tolist(), strict=True)
    ]
    keys = [str(customer).encode() for customer in customers]
    return Chunk(values, keys, (at.astype(np.int64) * 1_000).tolist())
