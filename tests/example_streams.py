"""For each example a stream to run it on: a few thousand events, and what is true of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from river import datasets

from streams.simulator import Simulator

__all__ = ["SHARED_STREAMS", "STREAMS", "Stream"]

Row = dict[str, Any]


class Stream(NamedTuple):
    """Rows of the events topic, whether each is positive, and rows of the labels topic."""

    events: list[Row]
    truth: list[bool]
    labels: list[Row]


def clicks() -> Stream:
    """Who clicks depends on the site with the place on it, and on a few eager devices."""
    random = np.random.default_rng(3)
    n, sites, devices = 12_000, 60, 400
    site, device = random.zipf(1.3, n) % sites, random.integers(0, devices, n)
    place, app = random.integers(0, 3, n), random.integers(0, 20, n)
    odds = (
        random.normal(-2.5, 1.2, (sites, 3))[site, place] + random.normal(0, 1.0, devices)[device]
    )
    clicked = random.random(n) < 1 / (1 + np.exp(-odds))
    rows = [
        {
            "id": f"i{number}",
            "click": int(clicked[number]),
            "banner_pos": int(place[number]),
            "site_id": f"s{site[number]}",
            "app_id": f"a{app[number]}",
            "device_id": f"d{device[number]}",
            "device_model": f"m{device[number] % 30}",
        }
        for number in range(n)
    ]
    return Stream(rows, clicked.tolist(), [])


def electricity(shared_data: Path) -> Stream:
    """The first half year."""
    rows = list(_parquet(shared_data / "elec2.parquet", 10_000))
    return Stream(rows, [row["class"] == 1 for row in rows], [])


def fraud() -> Stream:
    """A simulated town, in the order in which things become known."""
    rows: Mapping[str, list[Row]] = {"events": [], "labels": []}
    for block in Simulator(seed=5, days=50, customers=150, terminals=200).messages():
        for role, value in zip(block.roles, block.values, strict=True):
            rows[role].append(msgspec.json.decode(value))
    frauds = {row["tx_id"] for row in rows["labels"] if row["fraud"]}
    return Stream(
        rows["events"], [row["tx_id"] in frauds for row in rows["events"]], rows["labels"]
    )


def handbook(shared_data: Path) -> Stream:
    """A twentieth of the customers for seven weeks; each fraud is known after seven days."""
    events, truth, labels = [], [], []
    for row in _parquet(shared_data / "handbook_raw.parquet", 480_000):
        if row["CUSTOMER_ID"] % 20:
            continue
        at, fraudulent = row["TX_DATETIME"], row["TX_FRAUD"] == 1
        names = ("TRANSACTION_ID", "CUSTOMER_ID", "TERMINAL_ID", "TX_AMOUNT")
        events.append({name: row[name] for name in names} | {"TX_DATETIME": f"{at.isoformat()}Z"})
        truth.append(fraudulent)
        if fraudulent:
            known = {"KNOWN_AT": f"{(at + timedelta(days=7)).isoformat()}Z", "TX_FRAUD": 1}
            labels.append({name: row[name] for name in names[:2]} | known)
    return Stream(events, truth, labels)


def intrusion() -> Stream:
    """Fifty hosts at work; now and then one of them knocks at port after port, or sends it all."""
    random = np.random.default_rng(4)
    rows: list[Row] = []
    truth: list[bool] = []
    at = datetime(2026, 1, 1, tzinfo=UTC)

    def connect(host: int, port: int, size: float, attack: bool) -> None:
        sent, received = np.exp(random.normal(size, 1.0, 2)).astype(int).tolist()
        rows.append(
            {
                "at": at.isoformat(),
                "source": f"10.0.0.{host}",
                "port": port,
                "seconds": round(float(random.exponential(2.0)), 3),
                "bytes_sent": sent,
                "bytes_received": received if size < 10 else 0,
            }
        )
        truth.append(attack)

    for number in range(4_000):
        at += timedelta(seconds=float(random.exponential(0.5)))
        host = int(random.integers(0, 50))
        connect(host, int(random.choice([53, 80, 443, 443])), 6.0, attack=False)
        if number % 500 == 499:
            for port in range(1, 31):
                at += timedelta(milliseconds=20)
                connect(host, port, 2.0, attack=True)
        if number % 300 == 299:
            connect(host, 443, 17.0, attack=True)
    return Stream(rows, truth, [])


def phishing() -> Stream:
    """The pages that come with River."""
    rows = [{**page, "is_phishing": bool(is_phishing)} for page, is_phishing in datasets.Phishing()]
    return Stream(rows, [row["is_phishing"] for row in rows], [])


def spam(shared_data: Path) -> Stream:
    """Short messages; the first row is a header."""
    _, *rows = _parquet(shared_data / "sms_spam.parquet")
    truth = [row["label"] == "spam" for row in rows]
    return Stream(
        [{"text": row["text"], "spam": y} for row, y in zip(rows, truth, strict=True)], truth, []
    )


def _parquet(path: Path, first: int | None = None) -> Iterator[Row]:
    from pyarrow import parquet

    yield from parquet.read_table(path).slice(0, first).to_pylist()


STREAMS: Mapping[str, Callable[[], Stream]] = {
    make.__name__: make for make in (clicks, fraud, intrusion, phishing)
}
SHARED_STREAMS: Mapping[str, Callable[[Path], Stream]] = {
    make.__name__: make for make in (electricity, handbook, spam)
}
"""Those that are read from the folder of data sets that are not ours to publish."""
