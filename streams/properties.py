"""The files that the development broker reads: Kafka's settings, log4j's, and the data's format."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from streams.jars import BrokerError

__all__ = ["HOST", "check_format", "write_properties"]

HOST: Final = "127.0.0.1"

_SETTINGS: Mapping[str, str] = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    # Relative to the broker's directory, so that it can be moved.
    "log.dirs": "data",
    "auto.create.topics.enable": "false",
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "4",
    "group.initial.rebalance.delay.ms": "0",
    # After a kill, the controller takes the broker back only when its old session has expired.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "message.max.bytes": str(4 << 20),
    "log.cleaner.dedupe.buffer.size": str(4 << 20),
    # Event time may be years away from the clock: nothing expires or is refused because of it.
    "log.retention.ms": "-1",
    "log.message.timestamp.after.max.ms": str(2**63 - 1),
}
_LOGGING = """\
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %m (%c)%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
logger.ready.name = kafka.server.KafkaRaftServer
logger.ready.level = info
"""


def write_properties(
    directory: Path, port: int, controller_port: int, settings: Mapping[str, str]
) -> None:
    """Write what a broker that is started in `directory` reads there.

    Args:
        directory: gets ``server.properties``, ``log4j2.properties``.
        port: for clients, on the loopback address.
        controller_port: for the controller, likewise.
        settings: Kafka's own, before ours.
    """
    everything = {
        "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "controller.quorum.bootstrap.servers": f"{HOST}:{controller_port}",
        **_SETTINGS,
        **settings,
    }
    # JSON escapes a value just as Java's properties files have it.
    lines = [f"{name}={json.dumps(value)[1:-1]}\n" for name, value in everything.items()]
    (directory / "server.properties").write_text("".join(lines), "ascii")
    (directory / "log4j2.properties").write_text(_LOGGING, "ascii")


def check_format(data: Path) -> None:
    """Refuse a data directory that such a broker cannot have written.

    Raises:
        BrokerError: it is not one of Kafka's, of another of its formats, or of another node.
    """
    meta = data / "meta.properties"
    lines = meta.read_text("latin-1").splitlines() if meta.exists() else []
    found = dict(line.split("=", 1) for line in lines if "=" in line)
    for name, expected in (("version", "1"), ("node.id", "1")):
        if found.get(name) != expected:
            raise BrokerError(
                f"a broker on the data in {data}",
                f"this broker's data says {name}={expected} in {meta.name}, this says "
                f"{f'{name}={found[name]}' if name in found else 'nothing of the kind'}: "
                "another kind of broker wrote it",
                "thalweg broker --data OTHER-DIRECTORY, or --fresh to wipe this one",
            )
