"""The benchmark of guarantees: turns are compared with their own turn, and equal is to the byte."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from benchmarks.backlog import backlog
from benchmarks.guarantees import (
    KINDS,
    recovery_line,
    recovery_row,
    throughput_lines,
    throughput_row,
    variants,
)
from benchmarks.measuring import Run
from benchmarks.payments import Payment
from benchmarks.pipelines import VERDICTS, Verdict
from benchmarks.recoveries import Digest
from benchmarks.systems.unguarded import PlainProducer, Unguarded
from streams import transactions


def runs(*cpu_s: float) -> list[Run]:
    return [Run(1_000, 1.0, one, 1_000) for one in cpu_s]


def a_recovery(**changed: Any) -> dict[str, Any]:
    usual = {"records": 1_000_000, "recovery_s": 8.0, "times_live": 25.0, "state_equal": True}
    return {**usual, **changed}


def test_a_way_is_compared_with_none_of_another_turn():
    row = throughput_row("plain", {"off": runs(1.0, 2.0, 4.0), "on": runs(1.25, 2.0, 5.0)})
    on = row["ways"]["on"]
    assert on["of_off"] == {"median": 0.8, "lowest": 0.8, "highest": 1.0}
    assert on["events_per_cpu_s"] == {"median": 500, "lowest": 200, "highest": 800}
    assert row["ways"]["off"]["of_off"]["median"] == 1.0


@pytest.mark.parametrize(("cpu_s", "verdict"), [(1.1, "met"), (1.2, "MISSED")])
def test_a_tenth_of_the_speed_is_what_guarantees_may_cost(cpu_s, verdict):
    row = throughput_row("plain", {"off": runs(1.0), "on": runs(cpu_s)})
    (line,) = throughput_lines(row)
    assert line.startswith("plain, on: ")
    assert line.endswith(f"budget ≥ 90%: {verdict}")


def test_the_ways_differ_in_the_guarantees_alone():
    for kind in KINDS:
        commands = [one.command("b", "p") for one in variants(kind, 1_000)]
        assert len({tuple(command[:6]) for command in commands}) == 1
        assert [command[6] for command in commands] == ["off", "on", "on"]


def test_a_recovery_is_equal_only_if_each_was():
    equal, other = a_recovery(), a_recovery(state_equal=False, records=1_100_000)
    assert recovery_row([equal, equal])["state_equal"]
    row = recovery_row([equal, other])
    assert not row["state_equal"]
    assert row["records"] == 1_000_000
    assert "NO" in recovery_line(row)


@pytest.mark.parametrize(
    ("changed", "verdicts"),
    [
        ({}, ["met", "met"]),
        ({"recovery_s": 10.0}, ["MISSED", "met"]),
        ({"times_live": 19.9}, ["met", "MISSED"]),
    ],
)
def test_a_recovery_has_two_budgets(changed, verdicts):
    parts = recovery_line(recovery_row([a_recovery(**changed)])).split(";")
    assert [part.split()[-1] for part in parts[:2]] == verdicts


def test_values_are_the_same_however_they_are_cut_and_not_however_they_are_ordered():
    whole, cut, turned = Digest(), Digest(), Digest()
    whole.update([b"a", b"b", b"c"])
    cut.update([b"a"])
    cut.update([b"b", b"c"])
    turned.update([b"b", b"a", b"c"])
    assert whole.same(cut)
    assert not whole.same(turned)
    cut.update([b"d"])
    assert not whole.same(cut)


def test_a_fraud_is_told_an_hour_later_under_the_key_of_its_payment():
    records = list(backlog(160_000))
    assert [record.timestamp for record in records] == sorted(r.timestamp for r in records)
    verdicts = {
        msgspec.json.decode(record.value, type=Verdict).id: record
        for record in records
        if record.topic == VERDICTS
    }
    assert verdicts
    for record in records:
        if record.topic != VERDICTS:
            payment = msgspec.json.decode(record.value, type=Payment)
            if (verdict := verdicts.pop(payment.id, None)) is not None:
                assert payment.fraud
                assert verdict.key == record.key
                assert verdict.timestamp == record.timestamp + 3_600_000
    assert not verdicts


def test_the_product_knows_nothing_of_a_worker_without_guarantees():
    assert issubclass(Unguarded, transactions.Transactions)
    assert transactions.PartitionProducer is not PlainProducer
